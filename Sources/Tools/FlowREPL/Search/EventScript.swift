import CEL
import FlowCompiler
public import FlowIR
import FlowJSON
public import FlowMachine
import FlowSource
public import FlowTesting

/// Runs one instance from lines of JSON: `{"event": "Paid", "data": {…}}`, `{"advance": "3d"}`,
/// `{"complete": "ship", "result": {…}}`, `{"fail": "ship", "code": "NO_STOCK"}`.
public struct EventScript {
  /// The reason why a script stopped.
  public struct Problem: Error {
    public var message: String
    public var help: String?
    /// True if the script is invalid; false if the flow has rejected a valid input.
    public var isInput: Bool

    init(_ message: String, help: String? = nil, isInput: Bool = true) {
      self.message = message
      self.help = help
      self.isInput = isInput
    }
  }

  public private(set) var run: VirtualRun
  /// The start of the script, in milliseconds since 1970.
  public let start: Int64
  var answers: MockedOutcomes
  private let goal: SourcedExpression?

  /// - Parameters:
  ///   - name: The name of the flow; nil for the first one.
  ///   - mocks: A document with the outcomes of mocked calls: `{"ship": {"result": {…}}, "pay": {"fail": "NO"}}`.
  ///   - goal: The expression that ends the script when it is true.
  /// - Throws: `Problem` for an invalid program, an unknown flow, invalid mocks or an invalid goal.
  public init(
    _ program: Program, flow name: String?, start: Int64, mocks: [UInt8]? = nil, until goal: String? = nil
  ) throws(Problem) {
    let machine: Machine
    do throws(ProgramError) {
      machine = try Machine(program)
    } catch {
      throw Problem(error.message)
    }
    guard !program.flows.isEmpty, let flow = name.map({ machine.flow(named: $0) }) ?? 0 else {
      throw Problem(name.map { "there is no flow `\($0)`" } ?? "the file has no flow")
    }
    run = VirtualRun(stepper: Stepper(machine), flow: flow, now: start)
    self.start = start
    answers =
      try mocks.map { mocks throws(Problem) in try MockedOutcomes(mocks, machine: machine, flow: flow) }
      ?? MockedOutcomes()
    self.goal = try goal.map { goal throws(Problem) in try EventScript.condition(goal, program: program, flow: flow) }
  }

  private static func condition(
    _ text: String, program: Program, flow: FlowIndex
  ) throws(Problem) -> SourcedExpression {
    let compiled = compileExpression(text, in: program, flow: flow)
    guard let expression = compiled.expression else {
      throw Problem(compiled.diagnostics.first?.message ?? "`\(text)` is no expression")
    }
    guard expression.tree.type == .bool else {
      throw Problem("`\(text)` is true or false nowhere, it is `\(expression.tree.type)`")
    }
    return expression
  }

  // MARK: - State

  public var machine: Machine { run.stepper.machine }

  /// True if the instance has ended, or the goal is reached.
  public var isOver: Bool { hasEnded || isGoalReached }

  public var hasEnded: Bool { run.instance.map { $0.status != .running } ?? false }

  /// True if the goal expression is true.
  public var isGoalReached: Bool {
    guard let goal, let instance = run.instance else { return false }
    guard case .success(.bool(true)) = run.stepper.evaluate(goal, over: instance, now: run.now) else { return false }
    return true
  }

  /// The text of the goal while it is not reached.
  public var missedGoal: String? { isGoalReached ? nil : goal?.text }

  // MARK: - Execution

  /// Executes the input of a line, and completes the mocked calls that result from it.
  /// - Throws: `Problem` when the call to complete does not exist.
  public mutating func perform(_ move: RunInput) throws(Problem) -> [VirtualRun.RunEvent] {
    if case .advance(let wait) = move { return advance(to: run.now.addingClamped(wait)) }
    if let runEvents = run.make(move) { return runEvents + settled() }
    guard case .end(let target, _) = move else { return [] }
    throw Problem("no call of `\(machine.name(of: target))` waits", isInput: false)
  }

  /// Advances the clock until the script is over, and fires in order the timers that become due.
  public mutating func advance(to instant: Int64) -> [VirtualRun.RunEvent] {
    var runEvents: [VirtualRun.RunEvent] = []
    while !isOver, let due = run.nextDue, due <= instant, runEvents.count < VirtualRun.maximumFirings {
      runEvents += run.advance(to: due) + settled()
    }
    return isOver ? runEvents : runEvents + run.advance(to: instant)
  }

  private mutating func settled() -> [VirtualRun.RunEvent] {
    var answers = answers
    defer { self.answers = answers }
    return run.answerAll { answers.next(for: $0.target) }.map(\.runEvent)
  }
}

/// The outcomes of mocked calls, in the order of the calls; the last outcome is repeated.
struct MockedOutcomes {
  private var outcomes: [Call.Target: [CallOutcome]] = [:]

  init() {}

  init(_ document: [UInt8], machine: Machine, flow: FlowIndex) throws(EventScript.Problem) {
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: document)
    } catch {
      throw EventScript.Problem("mocks, byte \(error.offset + 1): \(error.message)")
    }
    guard let members = json.members else {
      throw EventScript.Problem("mocks are an object", help: #"write {"ACTION": {"result": …}}"#)
    }
    for member in members {
      let target = try EventScript.target(named: member.name, machine, flow, in: "mocks")
      var list: [CallOutcome] = []
      for item in member.value.array ?? [member.value] {
        list.append(try EventScript.outcome(item, of: target, machine, in: "mocks, `\(member.name)`"))
      }
      outcomes[target] = list
    }
  }

  mutating func next(for target: Call.Target) -> CallOutcome? {
    guard let list = outcomes[target], let first = list.first else { return nil }
    if list.count > 1 { outcomes[target] = Array(list.dropFirst()) }
    return first
  }
}
