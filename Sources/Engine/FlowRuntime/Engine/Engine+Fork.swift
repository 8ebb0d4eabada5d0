import FlowJSON
public import FlowMachine

/// What an operator asks for who wants to try another future.
public struct ForkCommand: Sendable {
  public var flow: String
  public var key: String
  /// The key of the copy; nil for one that the engine makes up.
  public var copy: String?
  /// Why, for the journal.
  public var reason = ""
  public var caller = Caller()
  /// The revision that the instance has to have.
  public var ifMatch: Int?
  /// Whether only to say what would come of it.
  public var isDryRun = false

  public init(flow: String, key: String, copy: String?) {
    self.flow = flow
    self.key = key
    self.copy = copy
  }
}

// An instance becomes two, which go on each for itself. Both journals say so.
extension Engine {
  /// Copies an instance. What comes of it holds once ``commit()`` has returned.
  /// - Returns: The copy as it is.
  public func fork(_ command: ForkCommand) -> Result<OperatorAnswer, EngineProblem> {
    do throws(EngineProblem) {
      let old = try goingOn(command.flow, command.key, ifMatch: command.ifMatch)
      let key = command.copy ?? world.newID()
      try checkFree(key, command.flow)
      defer { settle() }
      return .success(try fork(old, as: key, command))
    } catch {
      return .failure(error)
    }
  }

  private func checkFree(_ key: String, _ flow: String) throws(EngineProblem) {
    guard (1...Engine.maximumKey).contains(key.utf8.count) else {
      throw .invalidPayload([("/key", "the key of an instance has 1 to \(Engine.maximumKey) bytes")])
    }
    if try load(InstanceID(flow: flow, key: key)) != nil { throw .alreadyExists(key: key) }
  }

  private func fork(_ old: Cached, as key: String, _ command: ForkCommand) throws(EngineProblem) -> OperatorAnswer {
    let now = world.now()
    let step: Step
    do throws(ForkProblem) {
      step = try old.version.stepper.fork(old.instance, as: key, now: now)
    } catch {
      throw .notPossible(error.message)
    }
    guard !command.isDryRun else {
      var preview = old
      preview.row.key = key
      return answer(preview, 0, "would be a copy of `\(old.row.key)`")
    }
    let sequence = record(step, from: old, as: key, now, command)
    let copy = cache.find(InstanceID(flow: old.row.flow, key: key)) ?? old
    for timer in copy.instance.timers { arm(TimerID(copy, timer), due: timer.due) }
    return answer(copy, sequence, "is a copy of `\(old.row.key)`")
  }

  private func record(
    _ step: Step, from old: Cached, as key: String, _ now: Int64, _ command: ForkCommand
  ) -> Int64 {
    journal(
      old.row, "operator",
      operatorBody("fork", command.reason, command.caller, [.init("as", .string(key))]), at: now)
    let origin: [JSON.Member] = [.init("of", .string(old.row.key)), .init("revision", .int(Int64(old.row.revision)))]
    let cause: JSON = .object([
      .init("operator", operatorBody("fork", command.reason, command.caller, origin))
    ])
    let copy = newInstance(step, old.row.flow, key, old.version, over: nil)
    return record(step, of: copy, cause: .other(cause), at: now, isNew: true).sequence
  }
}

extension EngineThread {
  /// Copies an instance; the answer comes when it is on the disk.
  public func fork(
    _ command: ForkCommand, completion: @escaping @Sendable (Result<OperatorAnswer, EngineProblem>) -> Void
  ) {
    ask({ $0.fork(command) }, completion)
  }
}
