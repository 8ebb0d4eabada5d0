import FlowIR
import FlowMachine

/// A flow of a group that is verified together, with the steps of its own.
final class GroupMember {
  /// One way through a step of the flow.
  struct Outcome: Hashable {
    /// The situation after the step, by number; the same as before for a refused input.
    var target: Int
    var isRefused: Bool
    var mistakes: [AbstractGraph.Mistake]
    var emissions: [SentEvent]
    var taken: [Int]
    var start: Int?
    var entersFirst: UInt64
    var entersSecond: UInt64
    var armed: UInt64
    var started: UInt64
    var isIncident: Bool
  }

  private struct StepKey: Hashable {
    var state: Int
    var input: AbstractInput
  }

  let model: VerifiedFlow
  let executor: Executor
  private(set) var states: StateTable
  private var outcomes: [StepKey: [Outcome]] = [:]
  private var inputs: [Int: [AbstractInput]] = [:]

  init(
    _ program: Program, _ flow: FlowIndex, of group: Set<FlowIndex>, precision: Precision,
    isGivenUp: @escaping () -> Bool
  ) {
    model = VerifiedFlow(program, flow: flow)
    executor = Executor(model, precision: precision, isGivenUp: isGivenUp)
    executor.group = group
    states = StateTable(width: executor.width)
    _ = states.insert(executor.initialCells)
  }

  var flow: Flow { model.flow }
  var index: FlowIndex { model.index }

  /// The number of the situation before the first start.
  static let notStarted = 0

  func status(_ state: Int) -> Int32 { states.cell(state, model.layout.status) }

  func isRunning(_ state: Int) -> Bool { status(state) == 0 }

  /// True if a call is running and has a result to come.
  func isCalling(_ call: CallIndex, in state: Int) -> Bool {
    states.cell(state, model.layout.calls + call.position) == 1
  }

  func isActive(_ index: StateIndex, _ state: Int) -> Bool {
    states.cell(state, model.layout.active + index.position / 32) & (1 << Int32(index.position % 32)) != 0
  }

  func inputs(of state: Int) -> [AbstractInput] {
    if let known = inputs[state] { return known }
    let found = executor.inputs(of: states[state])
    inputs[state] = found
    return found
  }

  /// All ways through a step.
  func outcomes(of input: AbstractInput, from state: Int) -> [Outcome] {
    let key = StepKey(state: state, input: input)
    if let known = outcomes[key] { return known }
    var found: [Outcome] = []
    var results: [PathResult] = []
    executor.execute(input, from: states[state]) { results.append($0) }
    for result in results {
      let outcome = outcome(of: result, input, from: state)
      if !found.contains(outcome) { found.append(outcome) }
    }
    outcomes[key] = found
    return found
  }

  private func outcome(of result: PathResult, _ input: AbstractInput, from state: Int) -> Outcome {
    var mistakes = result.refusedOffers.map { AbstractGraph.Mistake(refusal: $0, isIncident: false) }
    var (isRefused, isIncident) = (false, false)
    switch result.kind {
    case .refused(let refusal):
      isRefused = true
      if refusal.isMistake { mistakes.append(.init(refusal: refusal, isIncident: false)) }
    case .incident(let refusal):
      isIncident = true
      mistakes.append(.init(refusal: refusal, isIncident: true))
    case .applied, .ignored, .deferred: break
    }
    var start: Int?
    switch input {
    case .start(let index): start = index
    case .message(_, start: let index): start = index
    default: break
    }
    return Outcome(
      target: isRefused ? state : states.insert(result.cells).state, isRefused: isRefused, mistakes: mistakes,
      emissions: isRefused ? [] : result.emissions, taken: result.taken, start: isRefused ? nil : start,
      entersFirst: result.entersFirst, entersSecond: result.entersSecond, armed: result.armed,
      started: result.started, isIncident: isIncident)
  }

  // MARK: - Messages

  /// The number of different messages whose payloads are distinguished.
  private static let maximumMessages = 200

  /// The number of a message for the flow.
  func number(of emission: SentEvent, from sender: GroupMember) -> Int {
    let isKnown = executor.messages.count < GroupMember.maximumMessages
    let payload = translated(emission.payload, from: sender, isKnown: isKnown)
    return executor.number(of: GroupMessage(event: emission.event, payload: payload, sender: sender.index))
  }

  private func translated(_ operand: StoredOperand, from sender: GroupMember, isKnown: Bool) -> StoredOperand {
    switch operand {
    case .scalar(let kind, let set):
      .scalar(kind, executor.pool.index(of: isKnown ? sender.executor.pool[set] : kind.whole))
    case .record(let name, let fields):
      .record(name, fields.map { translated($0, from: sender, isKnown: isKnown) })
    case .optional(let presence, let content):
      .optional(
        presence: translated(presence, from: sender, isKnown: isKnown),
        translated(content, from: sender, isKnown: isKnown))
    }
  }
}
