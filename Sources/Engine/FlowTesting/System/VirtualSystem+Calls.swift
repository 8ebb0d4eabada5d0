public import CEL
public import FlowIR
public import FlowMachine

// Calls: of actions, whose outcomes are supplied, and of flows, whose instances run here.
extension VirtualSystem {
  /// A call without a result.
  public struct Work: Sendable {
    /// The progress of the call.
    enum Stage: Hashable { case waiting, starting, open, running(Name) }

    /// Work that is done once.
    struct OnceKey: Hashable {
      var target: Call.Target
      var key: String
    }

    /// The call that does the work of a key, and its result.
    struct Once {
      var holder: Int
      var outcome: CallOutcome?
    }

    /// Its number, in the order of requests.
    public let id: Int
    /// The instance that has requested it.
    public let owner: Name
    public let job: Job
    /// False when the state of the call was left: the work continues for its `once` key.
    public internal(set) var isAwaited: Bool
    /// `open`: the outcome is supplied from outside. `waiting`: another call does the work of the key.
    var stage: Stage

    /// True if its outcome can be supplied.
    public var isOpen: Bool { stage == .open }
    /// True unless the instance of a called flow runs, or will start.
    var isUnfinished: Bool { stage == .open || stage == .waiting }

    var onceKey: OnceKey? { job.once.map { OnceKey(target: job.target, key: $0) } }
  }

  private func runs(_ target: Call.Target) -> Bool {
    if case .flow(let flow) = target, !isIsolated { flows.contains(flow) } else { false }
  }

  /// Records a request. A result that is known for its `once` key follows as a consequence.
  mutating func request(_ job: Job, of owner: Name) {
    lastWork += 1
    guard job.call != nil || job.once != nil else { return }
    var item = Work(
      id: lastWork, owner: owner, job: job, isAwaited: job.call != nil, stage: runs(job.target) ? .starting : .open)
    if let key = item.onceKey {
      if let known = onceWork[key]?.outcome {
        unperformed[owner, default: []].insert(job.reference)
        if item.isAwaited { consequences.add(.result(owner, job, known)) }
        return
      }
      if let first = onceWork[key], work.contains(where: { $0.id == first.holder }) {
        item.stage = .waiting
        unperformed[owner, default: []].insert(job.reference)
      } else {
        onceWork[key] = Work.Once(holder: item.id)
      }
    }
    work.append(item)
  }

  /// Returns true unless the call got its outcome from another one with the same `once` key, or waits for it.
  func isPerformed(_ job: Job, by owner: Name) -> Bool {
    !(unperformed[owner]?.contains(job.reference) ?? false)
  }

  /// The open call that goes first: of those with the highest priority, the oldest.
  func next(where isMeant: (Work) -> Bool) -> Work? {
    work.isEmpty ? nil : work.filter { $0.isOpen && isMeant($0) }.first(by: { $0.job.priority })
  }

  /// Ends an open call with an outcome.
  /// - Returns: False when there is no such call.
  public mutating func end(call id: Int, _ outcome: CallOutcome) -> Bool {
    guard work.contains(where: { $0.id == id && $0.isOpen }) else { return false }
    end(id, outcome)
    settle()
    return true
  }

  /// Ends a call, and all that wait for the same work.
  mutating func end(_ id: Int, _ outcome: CallOutcome) {
    guard let index = work.firstIndex(where: { $0.id == id }) else { return }
    let item = work.remove(at: index)
    if item.isAwaited { report(outcome, of: item.job, to: item.owner) }
    guard let key = item.onceKey else { return }
    // A failure is not a result: the next call with the key does the work again.
    guard case .done = outcome else { return passOn(item) }
    onceWork[key] = Work.Once(holder: id, outcome: outcome)
    for other in work.filter({ $0.onceKey == key }) {
      work.removeAll { $0.id == other.id }
      if other.isAwaited { report(outcome, of: other.job, to: other.owner) }
    }
  }

  /// Applies the outcome of a call to its instance.
  mutating func report(_ outcome: CallOutcome, of job: Job, to name: Name) {
    guard let instance = self[name] else { return }
    let step = stepper.step(instance, .result(job.reference, outcome), now: now)
    record(step, of: name, .result, cause: "result of \(machine.name(of: job.target))")
  }

  /// The next call with the same `once` key does the work.
  private mutating func passOn(_ item: Work) {
    guard let key = item.onceKey, onceWork[key]?.holder == item.id else { return }
    guard let next = work.firstIndex(where: { $0.onceKey == key && $0.stage == .waiting }) else {
      onceWork[key] = nil
      return
    }
    work[next].stage = runs(item.job.target) ? .starting : .open
    unperformed[work[next].owner]?.remove(work[next].job.reference)
    onceWork[key] = Work.Once(holder: work[next].id)
  }

  /// Withdraws a call whose state was left: a called flow is cancelled, and work with a `once` key continues.
  mutating func withdraw(_ reference: JobReference, of owner: Name) {
    guard
      let index = work.firstIndex(where: { $0.owner == owner && $0.job.reference == reference && $0.isAwaited })
    else { return }
    let item = work[index]
    if case .flow = item.job.target {
      work.remove(at: index)
      passOn(item)
      cancel(item)
    } else if item.onceKey == nil || item.stage == .waiting {
      work.remove(at: index)
    } else {
      work[index].isAwaited = false
    }
  }

  private mutating func cancel(_ item: Work) {
    guard case .running(let name) = item.stage, let member = members[name], member.call == item.id,
      member.instance.status == .running
    else { return }
    record(stepper.cancel(member.instance, now: now), of: name, .cancellation, cause: "cancelled")
  }

  // MARK: - Called flows

  /// Starts the instance of a call.
  mutating func start(_ id: Int) {
    guard let index = work.firstIndex(where: { $0.id == id }), work[index].stage == .starting,
      case .flow(let flow) = work[index].job.target
    else { return }
    let arguments = work[index].job.arguments
    let name = Name(flow: flow, key: argumentKey(of: flow, arguments) ?? newKey(of: flow))
    if let problem = problem(ofKey: name) { return end(id, problem) }
    let outcome = stepper.start(
      flow: flow, key: name.key, arguments: arguments, now: now, after: members.revision(of: name))
    switch outcome {
    case .accepted(let step):
      work[index].stage = .running(name)
      add(name, step, call: id)
      record(outcome, of: name, .call, cause: "called")
    case .refused(let refusal):
      record(outcome, of: name, .call, cause: "called", isHarmless: true)
      end(id, .failed(code: "NOT_STARTED", message: refusal.summary, attempts: 1))
    }
  }

  /// Calls a flow from outside.
  /// - Parameter arguments: A record with the parameters by their names.
  public mutating func start(_ flow: FlowIndex, arguments: Value) -> Outcome {
    let key = argumentKey(of: flow, arguments) ?? (isIsolated ? "1" : newKey(of: flow))
    let name = Name(flow: flow, key: key)
    let outcome = stepper.start(
      flow: flow, key: key, arguments: arguments, now: now, after: members.revision(of: name))
    if case .accepted(let step) = outcome {
      if isIsolated { (members, schedules) = (MemberTable(), VirtualSchedules()) }
      add(name, step)
    }
    record(outcome, of: name, .call, cause: "called")
    settle()
    return outcome
  }

  /// The failure of a call whose key can't be used; nil for a key that is free.
  public func problem(ofKey name: Name) -> CallOutcome? {
    guard (1...VirtualSystem.maximumKey).contains(name.key.utf8.count) else {
      let message = "the key of an instance has 1 to \(VirtualSystem.maximumKey) bytes"
      return .failed(code: "INVALID_ARGUMENTS", message: message, attempts: 1)
    }
    guard let member = members[name] else { return nil }
    let isRunning = member.instance.status == .running
    let isKept = program.flows[name.flow].keyLifetime != nil && !isKeyFree(name, member)
    guard isRunning || isKept else { return nil }
    let reason = isRunning ? "there is a running instance" : "the flow keeps the key of the ended instance"
    return .failed(code: "KEY_TAKEN", message: "\(reason) `\(name.key)`", attempts: 1)
  }

  /// The key among the arguments of a flow; nil for a flow without a key.
  public func argumentKey(of flow: FlowIndex, _ arguments: Value) -> String? {
    machine.argumentKey(of: flow, arguments)
  }
}
