import CEL
import FlowIR

/// Executes steps of abstract states: every way in which a step may go, by the rules of the interpreter.
///
/// One step is executed again and again, each time with another sequence of choices where the abstraction can't decide
/// a condition. The values of a path are terms over the values at the beginning of the step; what the path has decided
/// narrows the sets of these values.
final class Executor {
  /// The number of ways through one step that are followed.
  static let maximumPaths = 4096
  /// The largest number of microsteps of one input; the same as that of the interpreter.
  static let maximumMicrosteps = 1000

  let model: VerifiedFlow
  let layout: StateLayout
  let graph: ExpressionGraph
  var terms = TermPool()
  var pool = SetPool()
  var widening: Widening
  let predicates: [NodeIndex]
  /// The expressions whose evaluation may fail.
  let fallible: Set<NodeIndex>
  /// For each expression, the first parts of the fields and results that it reads.
  let fieldReads: [[Int]]
  /// Recognizes paths that no values take; nil to follow every path that the sets of values allow.
  let solver: (any PathSolver)?
  private var answers: [String: Bool] = [:]
  /// Asked within long steps; once it is true, the step ends without a result.
  private let isGivenUp: () -> Bool
  /// True once the time is up within a step.
  private(set) var isTimeUp = false
  /// The microsteps of all paths.
  private(set) var allMicrosteps = 0
  /// The reason that something was not followed; proofs are then not possible.
  var limitation: String?

  /// The inputs whose steps have too many ways to be followed as a whole.
  var segmentedInputs: Set<AbstractInput> = []
  /// True while a step is followed in segments.
  var isSegmented = false
  /// True once a path has found that its step is too long to be followed as a whole.
  var wantsSegments = false
  /// True while the inputs of ways are recorded.
  var recordsInputs = false
  /// The changes of numbers in the segment that has paused last.
  var pausedChanges: [Int: SegmentTable.Change] = [:]

  /// The flows that are verified together; nil for a flow whose surroundings may do anything.
  var group: Set<FlowIndex>?
  /// The events that the flows of the group send each other, by number.
  var messages: [GroupMessage] = []
  private var messageNumbers: [GroupMessage: Int] = [:]

  /// The timer whose firing the step is; nil for any other input.
  var firing: Int?
  /// For each timer that fires, the timers that its step arms and that may be due at once.
  var overdueTimers: [Int: Set<Int>] = [:]

  // The choices of the path.
  var trail: [PathChoice] = []
  var cursor = 0
  /// True if all choices of the path are free ones.
  var isCertain = true
  /// True while conditions are only looked up: one that is not known stops the evaluation.
  var isPeeking = false
  /// The condition that stopped the evaluation.
  var pending: (term: TermIndex, node: NodeIndex?)?
  /// The conditions that were not decided on the path, in order.
  var undecided: [NodeIndex] = []

  // The values of the path.
  var cells: [Int32] = []
  var environment: [TermIndex] = []
  var symbolSets: [SetIndex] = []
  var freeSymbols: [Bool] = []
  var refinedTerms: [TermIndex: SetIndex] = [:]
  var assumptions: [TermIndex: Bool] = [:]
  var locals: [Int: TermOperand] = [:]
  var event: TermOperand?
  var now: TermIndex?
  var caller: TermOperand?
  var admissions: [Admission: Bool] = [:]
  var hasCaller = false

  /// True for a path that continues from a situation in the middle of the step.
  var isContinuation = false
  /// The mistake that the path recovers from.
  var recovered: AbstractRefusal?
  /// True while a deferred event is offered.
  var isOffering = false
  /// The microsteps of the segment.
  var segmentSteps = 0

  // The step in progress.
  /// The events that the path has sent to other flows.
  var emissions: [SentEvent] = []
  /// The flow that has sent the event of the step, where it is known.
  var sender: FlowIndex?
  var queue: [QueuedSignal] = []
  var starting: [CallIndex] = []
  var selected: [Int] = []
  /// The arguments of the selected transitions, by field.
  var given: [Int: TermOperand] = [:]
  /// The states with fields that the microstep has left.
  var left: [StateIndex] = []
  var isIgnored = false
  var isDeferred = false
  var isDataChanged = false
  var mayHaveEnded = false
  var microsteps = 0
  var taken: [Int] = []
  /// The timers that were armed in this step, as a bit set.
  var armedNow: UInt32 = 0
  /// The timers that the path has armed, and the calls that it has started, by position.
  var armedInStep: UInt64 = 0
  var startedInStep: UInt64 = 0
  /// The properties `A leads to B` whose states the path has entered, by position.
  var entersFirst: UInt64 = 0
  var entersSecond: UInt64 = 0
  /// The first symbol of the input.
  var inputStart = 0
  /// The mistakes of deferred events that were offered after the step.
  var refusedOffers: [AbstractRefusal] = []

  struct Admission: Hashable {
    var roles: [Int]
    var senders: [FlowIndex]
  }

  /// - Parameter isGivenUp: Asked within long steps.
  init(
    _ model: VerifiedFlow, solver: (any PathSolver)? = nil, precision: Precision = Precision.levels[0],
    isGivenUp: @escaping () -> Bool = { false }
  ) {
    self.model = model
    layout = model.layout
    self.solver = solver
    self.isGivenUp = isGivenUp
    graph = model.graph
    predicates = Predicates.choose(model, maximumCount: precision.predicates)
    widening = Widening(model, precision: precision)
    fallible = Executor.fallible(model.graph)
    fieldReads = model.graph.nodes.indices.map { node in
      model.graph.slots(of: NodeIndex(rawValue: Int32(node))).compactMap { slot in
        let position = slot - FrameLayout.firstField
        guard model.layout.slots.indices.contains(position), !model.layout.slots[position].shape.leaves.isEmpty
        else { return nil }
        return model.layout.slots[position].first
      }
    }
  }

  private static func fallible(_ graph: ExpressionGraph) -> Set<NodeIndex> {
    var found: Set<NodeIndex> = []
    // A node comes after its children.
    for (index, node) in graph.nodes.enumerated() {
      let own =
        switch node.operation {
        case .arithmetic, .negate: node.type != .double
        case .value, .calendar: true
        default: node.canFail
        }
      if own || node.children.contains(where: found.contains) { found.insert(NodeIndex(rawValue: Int32(index))) }
    }
    return found
  }

  var width: Int { layout.predicates + predicates.count }

  /// The state before the instance has started.
  var initialCells: [Int32] {
    var cells = [Int32](repeating: 0, count: width)
    cells[layout.status] = 3
    for leaf in 0..<layout.dataCount { cells[layout.data + leaf] = SetIndex.unset.rawValue }
    return cells
  }

  /// Counts a microstep; every 16th one asks for the time.
  func checkTime() throws(PathStop) {
    allMicrosteps += 1
    if allMicrosteps & 15 == 0, isGivenUp() {
      isTimeUp = true
      limitation = limitation ?? "the time is up within a step"
      throw .givenUp
    }
  }

  // MARK: - Choices

  /// One of several alternatives.
  func choose(_ count: Int, isFree: Bool) -> Int {
    if cursor == trail.count { trail.append(PathChoice(count: count, taken: 0, isFree: isFree)) }
    let choice = trail[cursor]
    cursor += 1
    // Free choices of different segments may contradict each other.
    if !isFree || isContinuation { isCertain = false }
    return choice.taken
  }

  /// Moves on to the next sequence of choices; false when all were made.
  func advanceTrail() -> Bool {
    trail.removeLast(trail.count - cursor)
    while let last = trail.last, last.taken + 1 == last.count { trail.removeLast() }
    guard !trail.isEmpty else { return false }
    trail[trail.count - 1].taken += 1
    return true
  }

  /// True if the solver knows that no values take the path.
  func isRefuted() -> Bool {
    guard let solver, !trail.isEmpty, let script = PathFormula.script(of: self) else { return false }
    if let known = answers[script] { return known }
    let answer = if case .unsatisfiable = solver.check(script) { true } else { false }
    answers[script] = answer
    return answer
  }

  /// The number of an event between flows.
  func number(of message: GroupMessage) -> Int {
    if let known = messageNumbers[message] { return known }
    messageNumbers[message] = messages.count
    messages.append(message)
    return messages.count - 1
  }

  // MARK: - Preparation

  /// Forgets what belongs to a single step.
  func clearStep() {
    event = nil
    queue.removeAll(keepingCapacity: true)
    starting.removeAll(keepingCapacity: true)
    selected.removeAll(keepingCapacity: true)
    emissions.removeAll()
    sender = nil
    if !given.isEmpty { given.removeAll() }
    if !left.isEmpty { left.removeAll() }
    taken.removeAll(keepingCapacity: true)
    isDataChanged = false
    mayHaveEnded = false
    microsteps = 0
    segmentSteps = 0
    isOffering = false
    armedNow = 0
    armedInStep = 0
    startedInStep = 0
    entersFirst = 0
    entersSecond = 0
  }

  /// Prepares a path of a step of an abstract state.
  func prepare(_ state: ArraySlice<Int32>, assumesInvariants: Bool = true) throws(PathStop) {
    cursor = 0
    isCertain = true
    isPeeking = false
    isContinuation = false
    recovered = nil
    undecided.removeAll(keepingCapacity: true)
    cells = Array(state)
    environment.removeAll(keepingCapacity: true)
    symbolSets.removeAll(keepingCapacity: true)
    freeSymbols.removeAll(keepingCapacity: true)
    if !refinedTerms.isEmpty { refinedTerms.removeAll(keepingCapacity: true) }
    if !assumptions.isEmpty { assumptions.removeAll(keepingCapacity: true) }
    if !locals.isEmpty { locals.removeAll() }
    now = nil
    caller = nil
    if !admissions.isEmpty { admissions.removeAll() }
    hasCaller = false
    clearStep()
    refusedOffers.removeAll(keepingCapacity: true)
    for (leaf, type) in layout.leafTypes.enumerated() {
      symbolSets.append(SetIndex(rawValue: cells[layout.data + leaf]))
      freeSymbols.append(false)
      environment.append(terms.symbol(leaf, kind: ValueKind(type)))
    }
    if cells[layout.status] == 0 { try assumeKnown(withInvariants: assumesInvariants) }
    inputStart = symbolSets.count
  }

  /// Assumes the facts of the beginning of a step: the invariants over fields, and the recorded answers.
  private func assumeKnown(withInvariants: Bool) throws(PathStop) {
    for (position, node) in predicates.enumerated() {
      let answer = cells[layout.predicates + position]
      guard answer != 0 else { continue }
      try assume(node, answer == 1)
    }
    for invariant in model.invariants where withInvariants && invariant.isAssumed { try assume(invariant.node, true) }
  }

  // MARK: - Symbols

  /// A value that is not known: of the input, or of something that is not followed.
  /// - Parameter isFree: Whether the sender of the input decides about the value.
  /// Any value of a type.
  /// - Parameter maximum: The largest size of the value; nil for no bound.
  func fresh(_ type: ValueType, isFree: Bool, maximum: Int? = nil) -> TermOperand {
    let shape = Shape(type, types: model.types)
    var made: [TermIndex] = []
    for (leaf, maximum) in zip(shape.leaves, shape.maxima(types: model.types, whole: maximum)) {
      made.append(freshTerm(leaf, isFree: isFree, maximum: maximum))
    }
    var position = 0
    return shape.operand(made[...], at: &position)
  }

  /// A value that is known by its set.
  func freshTerm(_ kind: ValueKind, in set: SetIndex) -> TermIndex {
    symbolSets.append(set)
    freeSymbols.append(false)
    return terms.symbol(symbolSets.count - 1, kind: kind)
  }

  func freshTerm(_ type: ValueType, isFree: Bool, maximum: Int? = nil) -> TermIndex {
    let number = symbolSets.count
    symbolSets.append(widening.whole(of: type, &pool))
    freeSymbols.append(isFree)
    let made = terms.symbol(number, kind: ValueKind(type))
    if let maximum, terms[made].kind == .sized { refine(made, to: .whole([0...Int128(maximum)])) }
    return made
  }
}

/// An internal event of a step.
enum QueuedSignal {
  case raised(EventIndex, TermOperand)
  case state(SignalKey, StateIndex, TermOperand?)
  /// A call that completed without a job; over an empty list, or after the reaction to its last item.
  case called(CallIndex, isEmpty: Bool)
  /// One signal or more, each with values of its own.
  case repeated(StoredSignal)
}
