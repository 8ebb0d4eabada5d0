public import CEL
public import FlowIR
public import FlowMachine

/// Instances of several flows on one virtual clock, which reach each other as in the engine.
///
/// An input makes a step of its instance. Then its consequences follow, each as a step of its own: results that are
/// already known, emitted events in their order, the ends of called flows. When none is left, the calls of flows start.
///
/// Actions are not executed: each waits until its outcome is supplied. A value: an earlier state is restored from a
/// copy.
public struct VirtualSystem {
  /// Identifies an instance.
  public struct Name: Hashable, Sendable {
    public var flow: FlowIndex
    public var key: String

    public init(flow: FlowIndex, key: String) {
      self.flow = flow
      self.key = key
    }
  }

  /// The kind of an input.
  public enum Origin: Hashable, Sendable {
    case event, emission, timer, result, call, cancellation
  }

  /// One input of an instance, with its outcome.
  public struct Occurrence: Sendable {
    public var name: Name
    public var origin: Origin
    public var cause: String
    /// Milliseconds since 1970.
    public var at: Int64
    public var outcome: Outcome
    /// True for a refusal without consequences: another flow accepted the event, the instance has emitted it itself, or
    /// the caller was told.
    public var isHarmless = false
    /// The event, with the instance before it; nil for other inputs, and for an event that starts an instance.
    public var received: ReceivedEvent?
  }

  /// An event that an instance has received.
  public struct ReceivedEvent: Sendable {
    public var event: EventIndex
    public var payload: Value
    public var caller: Caller
    /// The instance before.
    public var instance: Instance
  }

  /// An instance, with the facts that its steps do not know.
  struct Member {
    var instance: Instance
    /// The instant at which its last run has ended.
    var endedAt: Int64 = 0
    /// The number of the call that started it.
    var call: Int?
  }

  public let stepper: Stepper
  /// The flows whose instances run, in the order of the program.
  public let flows: [FlowIndex]
  /// True for one instance that nothing else reaches: emissions are only recorded, and calls of flows wait for their
  /// outcomes.
  public let isIsolated: Bool
  /// Milliseconds since 1970.
  public internal(set) var now: Int64
  var members = MemberTable()
  /// The calls without a result, in the order in which they were requested.
  public internal(set) var work: [Work] = []
  var onceWork: [Work.OnceKey: Work.Once] = [:]
  /// The calls whose work another call with the same `once` key has done or does.
  var unperformed: [Name: Set<JobReference>] = [:]
  var lastWork = 0
  var consequences = ConsequenceQueue()
  var schedules = VirtualSchedules()
  var sharedSchedules = SharedSchedules()
  /// True if scheduled starts of several flows occur.
  private(set) var hasSharedSchedules = false
  /// Everything that has happened, in order.
  public internal(set) var occurrences: [Occurrence] = []
  /// True when consequences follow each other without end.
  public internal(set) var isEndless = false

  /// The maximum number of consequences of one input.
  public static let maximumConsequences = 10_000

  /// - Parameters:
  ///   - flows: The flows whose instances run together.
  ///   - now: The initial time of the clock, in milliseconds since 1970.
  ///   - hasSchedules: True if their scheduled starts occur.
  public init(stepper: Stepper, flows: [FlowIndex], now: Int64, hasSchedules: Bool = false) {
    self.stepper = stepper
    self.flows = flows.sorted()
    isIsolated = false
    self.now = now
    hasSharedSchedules = hasSchedules
    armSchedules()
  }

  /// One instance of a flow, which nothing else reaches.
  public init(stepper: Stepper, isolated flow: FlowIndex, now: Int64) {
    self.stepper = stepper
    flows = [flow]
    isIsolated = true
    self.now = now
    armSchedules()
  }

  public var machine: Machine { stepper.machine }
  public var program: Program { stepper.machine.program }

  // MARK: - Instances

  /// The instances in the order of their first start.
  public var names: [Name] { members.names }

  /// The instance of a name; nil when it has not started.
  public subscript(name: Name) -> Instance? { members.position(of: name).map { members[$0].instance } }

  /// The innermost active states of an instance, as paths.
  public func leafPaths(of name: Name) -> [String] { self[name].map { stepper.leafPaths(of: $0) } ?? [] }

  /// The instances of a flow, in the order of their first start.
  public func names(of flow: FlowIndex) -> [Name] { names.filter { $0.flow == flow } }

  /// An instance as a test writes it: `Item["m/a"]`.
  public func text(of name: Name) -> String {
    "\(program.flows[name.flow].name)[\(Value.string(name.key).source(in: machine.types))]"
  }

  /// A key for an instance of a flow without a key: its number.
  func newKey(of flow: FlowIndex) -> String { "\(names(of: flow).count + 1)" }

  /// Returns true if the instance has ended and the lifetime that its flow declares for its key is over.
  func isKeyFree(_ name: Name, _ member: Member) -> Bool {
    guard member.instance.status != .running, let lifetime = program.flows[name.flow].keyLifetime else { return false }
    return lifetime.end(ofKeyEndedAt: member.endedAt) <= now
  }

  // MARK: - Steps

  /// Starts an instance, or another run under its name.
  mutating func add(_ name: Name, _ step: Step, call: Int? = nil) {
    members.set(Member(instance: step.next, call: call), for: name)
  }

  /// Records the outcome of an input, and the effects of its step.
  mutating func record(
    _ outcome: Outcome, of name: Name, _ origin: Origin, cause: String, isHarmless: Bool = false,
    received: ReceivedEvent? = nil
  ) {
    occurrences.append(
      Occurrence(
        name: name, origin: origin, cause: cause, at: now, outcome: outcome, isHarmless: isHarmless,
        received: received))
    guard case .accepted(let step) = outcome else { return }
    guard let position = members.position(of: name) else { return }
    members[position].instance = step.next
    if step.next.status != .running { members[position].endedAt = now }
    for effect in step.effects { apply(effect, of: name) }
    guard let call = members[position].call, let outcome = step.outcome else { return }
    consequences.add(.end(call, outcome))
  }

  mutating func apply(_ effect: Effect, of name: Name) {
    switch effect {
    case .job(let job): request(job, of: name)
    case .withdraw(let reference): withdraw(reference, of: name)
    case .forget(let key, let target): onceWork[Work.OnceKey(target: target, key: key)] = nil
    case .emit(let event, let payload, let flow):
      guard !isIsolated else { return }
      consequences.add(.event(Emission(event: event, payload: payload, sender: name, flow: flow)))
    case .arm, .disarm, .log, .discard: break
    }
  }

  // MARK: - Consequences

  /// Applies all consequences of an input, and starts the called flows.
  mutating func settle() {
    guard !isSettled else { return }
    applyConsequences()
    while true {
      let starting = work.filter { $0.stage == .starting }.map(\.id).sorted()
      guard !isEndless, !starting.isEmpty || startWaiting() else { return }
      for id in starting {
        start(id)
        applyConsequences()
      }
    }
  }

  /// True if there is nothing to apply or to start.
  private var isSettled: Bool {
    consequences.isEmpty && work.isEmpty && !schedules.hasWaiting && !sharedSchedules.hasWaiting
  }

  private mutating func applyConsequences() {
    var count = 0
    while let consequence = consequences.next() {
      count += 1
      guard count <= VirtualSystem.maximumConsequences else {
        isEndless = true
        consequences = ConsequenceQueue()
        return
      }
      switch consequence {
      case .result(let name, let job, let outcome): report(outcome, of: job, to: name)
      case .event(let emission): deliver(emission)
      case .end(let call, let outcome): end(call, outcome)
      }
    }
  }
}

/// An event that an instance has emitted.
struct Emission {
  var event: EventIndex
  var payload: Value
  var sender: VirtualSystem.Name
  /// The flow whose running instances all receive it; nil for an event that reaches its receivers by its key.
  var flow: FlowIndex?
}

/// The consequences of steps that have not been applied, in the order of the engine.
struct ConsequenceQueue {
  enum Consequence {
    /// A result that was known when its call was requested.
    case result(VirtualSystem.Name, Job, CallOutcome)
    case event(Emission)
    /// The end of a called flow, with the number of its call.
    case end(Int, CallOutcome)
  }

  private var results: [Consequence] = []
  private var events: [Consequence] = []
  private var ends: [Consequence] = []

  mutating func add(_ consequence: Consequence) {
    switch consequence {
    case .result: results.append(consequence)
    case .event: events.append(consequence)
    case .end: ends.append(consequence)
    }
  }

  var isEmpty: Bool { results.isEmpty && events.isEmpty && ends.isEmpty }

  /// Removes and returns the next consequence: results first, and the end of a called flow after all emitted events.
  mutating func next() -> Consequence? {
    if let result = results.popLast() { return result }
    if !events.isEmpty { return events.removeFirst() }
    return ends.isEmpty ? nil : ends.removeFirst()
  }
}
