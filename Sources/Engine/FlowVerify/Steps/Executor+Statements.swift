import CEL
import FlowIR

// The statements of reactions, `entry` and `exit`.
extension Executor {
  func perform(_ statements: [StatementModel]) throws(PathStop) {
    for statement in statements {
      guard let loop = statement.loop else {
        try performOnce(statement)
        continue
      }
      try perform(statement, over: loop)
    }
  }

  /// A statement for each item of a list whose items are not known.
  private func perform(
    _ statement: StatementModel, over loop: (slot: Int, list: NodeIndex, element: ValueType)
  ) throws(PathStop) {
    let list = try evaluate(loop.list, at: statement.location)
    guard case .scalar(let term) = list, terms[term].kind == .sized else {
      // A value of type `dyn` may be no list.
      if choose(2, isFree: false) == 1 { throw .refused(.failed(statement.location, loop.list)) }
      return try perform(anyNumberOf: statement, loop)
    }
    let sizes = set(of: term)
    if sizes.singleNumber == 0 { return }
    if sizes.contains(.int(0)) {
      undecided.append(loop.list)
      if choose(2, isFree: false) == 1 {
        refine(term, to: .single(0))
        return
      }
      refine(term, to: .whole([1...Int128.max]))
    }
    try perform(anyNumberOf: statement, loop)
  }

  /// The statement for one item or more: what it assigns is not known afterwards.
  private func perform(
    anyNumberOf statement: StatementModel, _ loop: (slot: Int, list: NodeIndex, element: ValueType)
  ) throws(PathStop) {
    if case .assign(let slot, _, _) = statement.kind { forget(slot) }
    locals[loop.slot] = fresh(loop.element, isFree: false)
    let sent = emissions.count
    try performOnce(statement)
    for index in sent..<emissions.count { emissions[index].isRepeated = true }
    if case .assign(let slot, _, _) = statement.kind {
      forget(slot)
    } else if case .raise(let raised, _) = statement.kind {
      // The number of raised events is not followed beyond one.
      limitation = limitation ?? "`raise \(model.program.events[raised].name)` in a `for`"
    }
  }

  /// Gives a field any value of its type.
  private func forget(_ slot: Int) {
    let position = slot - FrameLayout.firstField
    let (shape, first) = layout.slots[position]
    let maximum = model.flow.fields.indices.contains(position) ? model.flow.fields[position].maximum : nil
    let maxima = shape.maxima(types: model.types, whole: maximum)
    for (offset, type) in shape.leaves.enumerated() {
      environment[first + offset] = freshTerm(type, isFree: false, maximum: maxima[offset])
    }
    isDataChanged = true
  }

  private func performOnce(_ statement: StatementModel) throws(PathStop) {
    if let condition = statement.condition, try !isTrue(condition, at: statement.location) { return }
    switch statement.kind {
    case .assign(let slot, let part, let node):
      let value = try evaluate(node, at: statement.location)
      if part.isEmpty {
        assign(value, to: slot)
      } else {
        try assign(value, to: slot, part: part, statement)
      }
    case .raise(let raised, let node): queue.append(.raised(raised, try evaluate(node, at: statement.location)))
    case .emit(let event, let node, to: let flow):
      // The payload matters to flows that are verified together, and its failure always does.
      if group == nil, !canFail(node) { return }
      let payload = try evaluate(node, at: statement.location)
      if group != nil { emissions.append(SentEvent(event: event, payload: stored(payload), flow: flow)) }
    case .effect(let nodes):
      for node in nodes where canFail(node) { _ = try evaluate(node, at: statement.location) }
    }
  }

  /// True if the evaluation of an expression can fail; one that can't has no influence on a step.
  func canFail(_ node: NodeIndex) -> Bool {
    if fallible.contains(node) { return true }
    return fieldReads[Int(node.rawValue)].contains { first in set(of: environment[first]) == .unset }
  }

  func assign(_ value: TermOperand, to slot: Int) {
    let position = slot - FrameLayout.firstField
    let (shape, first) = layout.slots[position]
    let leaves = value.leaves
    guard leaves.count == shape.leaves.count else { return forget(slot) }
    for (offset, term) in leaves.enumerated() { environment[first + offset] = term }
    isDataChanged = true
  }

  private func assign(
    _ value: TermOperand, to slot: Int, part: [StatementModel.PartModel], _ statement: StatementModel
  ) throws(PathStop) {
    let position = slot - FrameLayout.firstField
    var (shape, first) = layout.slots[position]
    if set(of: environment[first]) == .unset { throw .refused(.failed(statement.location, valueNode(of: statement))) }
    for step in part {
      guard case .field(let name) = step, case .record(let type, let fields) = shape,
        let index = model.types.record(named: type)?.index(of: name)
      else {
        return try assignUnknown(slot, part: part, statement)
      }
      first += fields[..<index].reduce(0) { $0 + $1.leaves.count }
      shape = fields[index]
    }
    let leaves = value.leaves
    guard leaves.count == shape.leaves.count else { return forget(slot) }
    for (offset, term) in leaves.enumerated() { environment[first + offset] = term }
    isDataChanged = true
  }

  /// An assignment to an element of a list or a map.
  private func assignUnknown(
    _ slot: Int, part: [StatementModel.PartModel], _ statement: StatementModel
  ) throws(PathStop) {
    for step in part {
      if case .index(let index) = step { _ = try evaluate(index, at: statement.location) }
    }
    let type = model.flow.fields[slot - FrameLayout.firstField].type
    let sizes = sizes(of: type, in: slot, afterPart: part)
    var isTotal = false
    if case .map = type, part.count == 1 { isTotal = true }
    let field = model.flow.fields[slot - FrameLayout.firstField]
    if let maximum = field.maximum, isTotal {
      // The entry may be a new one.
      isTotal = sizes.map { $0.upperBound <= Int128(maximum) } ?? false
    }
    if !isTotal {
      undecided.append(valueNode(of: statement))
      if choose(2, isFree: false) == 1 { throw .refused(.failed(statement.location, valueNode(of: statement))) }
    }
    forget(slot)
    if let sizes {
      let highest = field.maximum.map { Swift.max(Swift.min(sizes.upperBound, Int128($0)), sizes.lowerBound) }
      let bounds = sizes.lowerBound...(highest ?? sizes.upperBound)
      refine(environment[layout.slots[slot - FrameLayout.firstField].first], to: .whole([bounds]))
    }
  }

  /// The sizes of a list or a map after an assignment to an element or an entry; nil for other values.
  private func sizes(
    of type: ValueType, in slot: Int, afterPart part: [StatementModel.PartModel]
  ) -> ClosedRange<Int128>? {
    guard case .index? = part.first,
      let before = set(of: environment[layout.slots[slot - FrameLayout.firstField].first]).numberBounds
    else { return nil }
    switch type {
    case .list: return before
    // Of a map, the entry may be a new one.
    case .map: return Swift.max(before.lowerBound, 1)...before.upperBound + 1
    default: return nil
    }
  }

  private func valueNode(of statement: StatementModel) -> NodeIndex {
    switch statement.kind {
    case .assign(_, _, let node), .raise(_, let node), .emit(_, let node, _): node
    case .effect(let nodes): nodes.first ?? NodeIndex(rawValue: 0)
    }
  }
}
