import FlowJSON
public import FlowMachine

/// A command of an operator to copy an instance.
public struct ForkCommand: Sendable {
  public var flow: String
  public var key: String
  /// The key of the copy; nil to generate one.
  public var copy: String?
  /// The reason, for the journal.
  public var reason = ""
  public var caller = Caller()
  /// The revision that the instance must have.
  public var ifMatch: Int?
  /// True to show the outcome without applying it.
  public var isDryRun = false

  public init(flow: String, key: String, copy: String?) {
    self.flow = flow
    self.key = key
    self.copy = copy
  }
}

// An instance is duplicated; both instances continue independently, and both journals record it.
extension Engine {
  /// Copies an instance. The outcome is final once ``commit()`` has returned.
  /// - Returns: The state of the copy.
  public func fork(_ command: ForkCommand) -> Result<OperatorAnswer, EngineProblem> {
    do throws(EngineProblem) {
      let old = try runnableInstance(
        InstanceID(flow: command.flow, key: command.key), ifMatch: command.ifMatch)
      let key = command.copy ?? world.newID()
      try checkFree(InstanceID(flow: command.flow, key: key))
      defer { deliverPending() }
      return .success(try fork(old, as: key, command: command))
    } catch {
      return .failure(error)
    }
  }

  private func checkFree(_ id: InstanceID) throws(EngineProblem) {
    guard (1...Engine.maximumKey).contains(id.key.utf8.count) else {
      throw .invalidPayload([("/key", "the key of an instance has 1 to \(Engine.maximumKey) bytes")])
    }
    if try load(id) != nil { throw .alreadyExists(key: id.key) }
    if let stone = try tombstone(id), let until = stone.keyTakenUntil {
      throw .gone(key: id.key, endedAt: stone.endedAt, keyTakenUntil: until)
    }
  }

  private func fork(_ old: Cached, as key: String, command: ForkCommand) throws(EngineProblem) -> OperatorAnswer {
    let now = world.now()
    let step: Step
    do throws(ForkProblem) {
      step = try old.version.stepper.fork(old.instance, as: key, now: now)
    } catch {
      throw .notPossible(error.message, summary: error.summary)
    }
    guard !command.isDryRun else {
      var row = old.row
      row.key = key
      return answer(old.with(row: row), sequence: 0, detail: "would be a copy of `\(old.row.key)`")
    }
    let sequence = record(step, from: old, as: key, at: now, command: command)
    let copy = cache.find(InstanceID(flow: old.row.flow, key: key)) ?? old
    for timer in copy.instance.timers { arm(TimerID(copy, timer), due: timer.due) }
    return answer(copy, sequence: sequence, detail: "is a copy of `\(old.row.key)`")
  }

  private func record(
    _ step: Step, from old: Cached, as key: String, at now: Int64, command: ForkCommand
  ) -> Int64 {
    journal(
      old.row, .operator,
      body: operatorBody(
        "fork", reason: command.reason, caller: command.caller, adding: [.init("as", .string(key))]), at: now)
    let origin: [JSON.Member] = [.init("of", .string(old.row.key)), .init("revision", .int(Int64(old.row.revision)))]
    let cause: JSON = .object([
      .init("operator", operatorBody("fork", reason: command.reason, caller: command.caller, adding: origin))
    ])
    let copy = newInstance(
      InstanceID(flow: old.row.flow, key: key), step, in: old.version, replacing: nil)
    return record(step, of: copy, cause: .other(cause), at: now, isNew: true).sequence
  }
}

extension EngineThread {
  /// Copies an instance; `completion` is called after the commit.
  public func fork(
    _ command: ForkCommand, completion: @escaping @Sendable (Result<OperatorAnswer, EngineProblem>) -> Void
  ) {
    perform({ $0.fork(command) }, completion: completion)
  }
}
