import CEL
import FlowIR

/// The uses that a flow makes of the scalar parts of its data.
struct PlaceAnalysis {
  /// True if a decision depends on the part.
  var isRelevant: [Bool]
  /// The numbers, doubles and texts that the part is compared with.
  var numbers: [Set<Int128>]
  var doubles: [Set<Double>]
  var texts: [Set<String>]
  /// The bounds of the fields that values of the part are assigned to.
  var limits: [Set<Int128>]
  /// True if the part only has constants and sums of itself with a small constant, so that its magnitude is bounded by
  /// the number of steps.
  var isCounter: [Bool]

  /// The bounds of all numbers of a kind that the flow compares something with.
  private(set) var bounds: [ValueKind: ClosedRange<Int128>] = [:]

  private let layout: StateLayout
  private let graph: ExpressionGraph

  init(_ model: VerifiedFlow) {
    layout = model.layout
    graph = model.graph
    let count = layout.dataCount
    isRelevant = Array(repeating: false, count: count)
    numbers = Array(repeating: [], count: count)
    doubles = Array(repeating: [], count: count)
    texts = Array(repeating: [], count: count)
    limits = Array(repeating: [], count: count)
    isCounter = Array(repeating: false, count: count)
    readConditions(model)
    findCounters(model)
    spread(model)
  }

  /// The parts of the data that an expression reads.
  private func leaves(_ node: NodeIndex) -> Set<Int> {
    var found: Set<Int> = []
    for slot in graph.slots(of: node) {
      let position = slot - FrameLayout.firstField
      guard layout.slots.indices.contains(position) else { continue }
      let (shape, first) = layout.slots[position]
      found.formUnion(first..<first + shape.leaves.count)
    }
    return found
  }

  private mutating func readConditions(_ model: VerifiedFlow) {
    var roots = Predicates.conditions(of: model)
    roots += model.transitions.compactMap(\.due) + model.calls.compactMap(\.list)
    let statements =
      model.states.flatMap { $0.entry + $0.exit } + model.transitions.flatMap(\.statements)
      + model.starts.flatMap(\.statements)
    roots += statements.compactMap { $0.loop?.list }
    let decisive = roots.count
    for (index, node) in graph.nodes.enumerated() {
      let isPartial =
        switch node.operation {
        case .arithmetic(let operation): (operation == .divide || operation == .modulo) && node.type != .double
        case .value, .calendar: true
        case .conditional, .orValue, .orOptional: true
        default: node.canFail
        }
      if isPartial { roots.append(NodeIndex(rawValue: Int32(index))) }
    }
    for (position, root) in roots.enumerated() {
      for leaf in leaves(root) { isRelevant[leaf] = true }
      for node in graph.below(root) {
        if position >= decisive, let maximum = model.reader.boundChecks[node] {
          // Sizes below a bound are not distinguished: only a check of the bound depends on them.
          for leaf in leaves(node) { limits[leaf].insert(Int128(maximum)) }
        } else {
          readComparison(node)
        }
      }
    }
  }

  private mutating func readComparison(_ node: NodeIndex) {
    switch graph[node].operation {
    case .equal, .less, .lessOrEqual, .contained: break
    default: return
    }
    let read = leaves(node)
    for part in graph.below(node) {
      switch graph[part].operation {
      case .constant(.list(let values)): for value in values { note(value, read) }
      case .constant(let value): note(value, read)
      default: break
      }
    }
  }

  private mutating func note(_ value: Value, _ leaves: Set<Int>) {
    if let kind = ValueKind(value), let number = ValueSet.number(of: value) {
      let known = bounds[kind] ?? number...number
      bounds[kind] = Swift.min(known.lowerBound, number)...Swift.max(known.upperBound, number)
    }
    for leaf in leaves {
      switch value {
      case .double(let number) where !number.isNaN: doubles[leaf].insert(number)
      case .string(let text): texts[leaf].insert(text)
      default: if let number = ValueSet.number(of: value) { numbers[leaf].insert(number) }
      }
    }
  }

  // MARK: - Counters

  private mutating func findCounters(_ model: VerifiedFlow) {
    for (field, declaration) in model.flow.fields.enumerated() where declaration.type == .int {
      let leaf = layout.slots[field].first
      isCounter[leaf] =
        field >= model.flow.parameterCount
        && (model.defaults[field].map { isStep($0, of: field) } ?? true)
    }
    let statements =
      model.states.flatMap { $0.entry + $0.exit } + model.transitions.flatMap(\.statements)
      + model.starts.flatMap(\.statements)
    for statement in statements {
      guard case .assign(let slot, _, let value) = statement.kind else { continue }
      let field = slot - FrameLayout.firstField
      guard layout.slots.indices.contains(field), case .scalar(.int) = layout.slots[field].shape else { continue }
      if statement.loop != nil || !isStep(value, of: field) { isCounter[layout.slots[field].first] = false }
    }
    for argument in model.arguments where !isStep(argument.value, of: argument.field) {
      guard case .scalar(.int) = layout.slots[argument.field].shape else { continue }
      isCounter[layout.slots[argument.field].first] = false
    }
  }

  /// A constant, or the field plus or minus a small constant.
  private func isStep(_ node: NodeIndex, of field: Int) -> Bool {
    let expression = graph[node]
    switch expression.operation {
    case .constant(.int(let number)): return abs(number) < 1 << 40
    case .arithmetic(.add), .arithmetic(.subtract):
      let small = expression.children.contains { child in
        if case .constant(.int(let number)) = graph[child].operation { abs(number) <= 1024 } else { false }
      }
      let isSelf = expression.children.contains { graph[$0].operation == .slot(FrameLayout.firstField + field) }
      return small && isSelf
    default: return false
    }
  }

  private func abs(_ number: Int64) -> UInt64 { number.magnitude }

  // MARK: - Dependencies

  /// Marks the parts that are assigned to relevant parts as relevant, and compares them with the same values.
  private mutating func spread(_ model: VerifiedFlow) {
    var edges: [(from: Set<Int>, to: Set<Int>)] = []
    let statements =
      model.states.flatMap { $0.entry + $0.exit } + model.transitions.flatMap(\.statements)
      + model.starts.flatMap(\.statements)
    for statement in statements {
      guard case .assign(let slot, _, let value) = statement.kind else { continue }
      let position = slot - FrameLayout.firstField
      guard layout.slots.indices.contains(position) else { continue }
      let (shape, first) = layout.slots[position]
      edges.append((leaves(value), Set(first..<first + shape.leaves.count)))
    }
    let entries = model.arguments.map { ($0.field, $0.value) } + model.stateDefaults
    for (field, value) in entries {
      let (shape, first) = layout.slots[field]
      edges.append((leaves(value), Set(first..<first + shape.leaves.count)))
    }
    for _ in 0..<layout.dataCount {
      var isChanged = false
      for (from, to) in edges where to.contains(where: { isRelevant[$0] }) {
        for leaf in from {
          for other in to {
            let before = (isRelevant[leaf], numbers[leaf].count, texts[leaf].count, doubles[leaf].count)
            isRelevant[leaf] = true
            numbers[leaf].formUnion(numbers[other])
            texts[leaf].formUnion(texts[other])
            doubles[leaf].formUnion(doubles[other])
            isChanged = isChanged || before != (true, numbers[leaf].count, texts[leaf].count, doubles[leaf].count)
          }
        }
      }
      if !isChanged { return }
    }
  }
}
