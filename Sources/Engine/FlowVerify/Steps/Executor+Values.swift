import CEL
import FlowIR

// The values of expressions.
extension Executor {
  func evaluate(_ node: NodeIndex, at location: SourceLocation) throws(PathStop) -> TermOperand {
    do throws(ValueStop) {
      return try evaluate(node)
    } catch {
      throw stop(error, node, at: location)
    }
  }

  func isTrue(_ node: NodeIndex, at location: SourceLocation) throws(PathStop) -> Bool {
    do throws(ValueStop) {
      return try truth(node)
    } catch {
      throw stop(error, node, at: location)
    }
  }

  private func stop(_ stop: ValueStop, _ node: NodeIndex, at location: SourceLocation) -> PathStop {
    stop == .infeasible ? .infeasible : .refused(.failed(location, node))
  }

  func evaluate(_ index: NodeIndex) throws(ValueStop) -> TermOperand {
    let node = graph[index]
    switch node.operation {
    case .constant(let value): return constant(value, node.type)
    case .slot(let slot): return try value(ofSlot: slot, node.type)
    case .select(let field): return try part(field, of: try evaluate(node.children[0]))
    case .selectOptional(let field): return try optionalPart(field, of: try evaluate(node.children[0]), node)
    case .not, .and, .or: return .scalar(flag(try truth(index)))
    case .equal, .less, .lessOrEqual, .contained, .hasValue: return .scalar(flag(try truth(index)))
    case .conditional: return try evaluate(node.children[try truth(node.children[0]) ? 1 : 2])
    case .strict:
      for child in node.children.dropLast() { _ = try evaluate(child) }
      return try evaluate(node.children[node.children.count - 1])
    case .arithmetic, .negate, .greatest, .least, .asDouble: return .scalar(try number(index, node))
    case .value: return try content(of: try evaluate(node.children[0]), index)
    case .orValue:
      let first = try evaluate(node.children[0])
      guard case .optional(let presence, let content) = first else { return try opaque(index, node) }
      return try decide(presence, because: index) ? content : try evaluate(node.children[1])
    case .orOptional:
      let first = try evaluate(node.children[0])
      guard case .optional(let presence, _) = first else { return try opaque(index, node) }
      return try decide(presence, because: index) ? first : try evaluate(node.children[1])
    case .optionalOf: return .optional(presence: flag(true), try evaluate(node.children[0]))
    case .optionalNone: return absent(node.type)
    case .size:
      guard case .scalar(let list) = try evaluate(node.children[0]) else { return try opaque(index, node) }
      return .scalar(terms.index(of: Term(operation: .size, kind: .int, arguments: [list])))
    case .joined:
      guard case .scalar(let left) = try evaluate(node.children[0]),
        case .scalar(let right) = try evaluate(node.children[1])
      else { return try opaque(index, node) }
      return .scalar(terms.index(of: Term(operation: .joined, kind: .sized, arguments: [left, right])))
    case .list:
      var elements: [TermIndex] = []
      for child in node.children { elements += try evaluate(child).leaves }
      let term = Term(operation: .list, kind: .sized, arguments: elements)
      let made = terms.index(of: term)
      refinedTerms[made] = pool.index(of: .single(Int128(node.children.count)))
      return .scalar(made)
    case .record(let name):
      var fields: [TermOperand] = []
      for child in node.children { fields.append(try evaluate(child)) }
      return .record(name, fields)
    case .slice:
      var arguments: [TermIndex] = []
      for child in node.children { arguments += try evaluate(child).leaves }
      let made = terms.index(of: Term(operation: .opaque(index), kind: .sized, arguments: arguments))
      if let size = arguments.last { refine(made, to: set(of: size)) }
      return .scalar(made)
    case .calendar: return .scalar(try instant(index, node))
    case .opaque, .element: return try opaque(index, node)
    }
  }

  func flag(_ value: Bool) -> TermIndex { terms.constant(.bool(value), kind: .bool) }

  // MARK: - Structured values

  func constant(_ value: Value, _ type: ValueType) -> TermOperand { constant(value, Shape(type, types: model.types)) }

  private func constant(_ value: Value, _ shape: Shape) -> TermOperand {
    switch (shape, value) {
    case (.scalar(let type), _): return .scalar(terms.constant(value, kind: ValueKind(type)))
    case (.optional(let content), .optional(let wrapped)):
      guard let wrapped else { return absent(shape) }
      return .optional(presence: flag(true), constant(wrapped, content))
    case (.record(let name, let fields), .record(let record)):
      let declared = model.types.record(named: name)?.fields ?? []
      return .record(
        name,
        zip(declared, fields).map { field, shape in
          let given = record[field.name] ?? field.defaultValue ?? model.types.zero(of: field.type)
          return constant(given, shape)
        })
    default:
      var unknown: [TermIndex] = []
      for leaf in shape.leaves { unknown.append(freshTerm(leaf, isFree: false)) }
      var position = 0
      return shape.operand(unknown[...], at: &position)
    }
  }

  func absent(_ type: ValueType) -> TermOperand { absent(Shape(type, types: model.types)) }

  /// An operand whose parts have no meaning: the content of an absent optional.
  private func absent(_ shape: Shape) -> TermOperand {
    let leaves = shape.leaves.map { type -> TermIndex in
      type == .bool ? flag(false) : terms.constant(.null, kind: ValueKind(type))
    }
    var position = 0
    return shape.operand(leaves[...], at: &position)
  }

  private func value(ofSlot slot: Int, _ type: ValueType) throws(ValueStop) -> TermOperand {
    switch slot {
    case FrameLayout.event:
      guard let event else { throw .failed }
      return event
    case FrameLayout.now: return .scalar(currentTime())
    case FrameLayout.caller:
      if let caller { return caller }
      let made = fresh(.record(BuiltInTypes.caller), isFree: true)
      caller = made
      return made
    case FrameLayout.selfRecord: return fresh(.record(BuiltInTypes.selfRecord), isFree: false)
    default: break
    }
    if let local = locals[slot] { return local }
    let position = slot - FrameLayout.firstField
    guard layout.slots.indices.contains(position) else { return fresh(type, isFree: false) }
    let (shape, first) = layout.slots[position]
    var leaf = first
    let count = shape.leaves.count
    if count > 0, set(of: environment[first]) == .unset { throw .failed }
    return shape.operand(environment[first..<first + count], at: &leaf)
  }

  func currentTime() -> TermIndex {
    if let now { return now }
    let made = freshTerm(.timestamp, isFree: false)
    refine(made, to: Widening.present)
    now = made
    return made
  }

  private func part(_ field: String, of operand: TermOperand) throws(ValueStop) -> TermOperand {
    guard case .record(let name, let fields) = operand,
      let position = model.types.record(named: name)?.index(of: field), position < fields.count
    else { throw .failed }
    return fields[position]
  }

  private func optionalPart(
    _ field: String, of operand: TermOperand, _ node: ExpressionNode
  ) throws(ValueStop) -> TermOperand {
    guard case .optional(let presence, let content) = operand else { return fresh(node.type, isFree: false) }
    let inner = try part(field, of: content)
    if case .optional = inner { return try decide(presence, because: nil) ? inner : absent(node.type) }
    return .optional(presence: presence, inner)
  }

  private func content(of operand: TermOperand, _ index: NodeIndex) throws(ValueStop) -> TermOperand {
    guard case .optional(let presence, let content) = operand else { return try opaque(index, graph[index]) }
    guard try decide(presence, because: index) else { throw .failed }
    return content
  }

  /// A value that depends on its inputs in a way that is not followed.
  private func opaque(_ index: NodeIndex, _ node: ExpressionNode) throws(ValueStop) -> TermOperand {
    var inputs: [TermIndex] = []
    var mayFail = node.canFail
    for child in node.children {
      do throws(ValueStop) {
        inputs += try evaluate(child).leaves
      } catch {
        if error == .infeasible { throw error }
        // An input that fails may not be needed.
        mayFail = true
      }
    }
    let whole = terms.index(of: Term(operation: .opaque(index), kind: ValueKind(node.type), arguments: inputs))
    if mayFail, try fails(whole, because: index) { throw .failed }
    let shape = Shape(node.type, types: model.types)
    if case .scalar = shape { return .scalar(whole) }
    var parts: [TermIndex] = []
    for (position, type) in shape.leaves.enumerated() {
      parts.append(terms.index(of: Term(operation: .part(position), kind: ValueKind(type), arguments: [whole])))
    }
    var position = 0
    return shape.operand(parts[...], at: &position)
  }

  // MARK: - Instants

  /// The most days or months that are surely added to an instant of the present.
  private static let maximumShift: Int128 = 1000
  /// About 100 years, before and after the present, within which such a sum has a value too.
  private static let margin: Int128 = 3_000_000_000_000_000_000

  /// An instant that is computed by the calendar. Instants beyond the present are outside of what is covered.
  private func instant(_ index: NodeIndex, _ node: ExpressionNode) throws(ValueStop) -> TermIndex {
    var arguments: [TermIndex] = []
    for child in node.children {
      guard case .scalar(let term) = try evaluate(child) else { throw .failed }
      arguments.append(term)
    }
    let made = terms.index(of: Term(operation: .opaque(index), kind: .instant, arguments: arguments))
    let shift = -Executor.maximumShift...Executor.maximumShift
    let isShort = arguments.dropFirst().allSatisfy { isWithin($0, shift) }
    if isShort, let present = Widening.present.numberBounds,
      isWithin(arguments[0], present.lowerBound - Executor.margin...present.upperBound + Executor.margin)
    {
      refine(made, to: Widening.present)
    } else if try fails(made, because: index) {
      throw .failed
    }
    return made
  }

  private func isWithin(_ term: TermIndex, _ range: ClosedRange<Int128>) -> Bool {
    set(of: term).numberBounds.map { range.contains($0.lowerBound) && range.contains($0.upperBound) } ?? false
  }

  // MARK: - Numbers

  private func number(_ index: NodeIndex, _ node: ExpressionNode) throws(ValueStop) -> TermIndex {
    var arguments: [TermIndex] = []
    for child in node.children {
      guard case .scalar(let term) = try evaluate(child) else { throw .failed }
      arguments.append(term)
    }
    let kind = ValueKind(node.type)
    switch node.operation {
    case .arithmetic(let operation):
      return try arithmetic(operation, of: arguments[0], and: arguments[1], kind: kind, because: index)
    case .negate where kind == .int:
      let zero = terms.constant(.int(0), kind: .int)
      return try arithmetic(.subtract, of: zero, and: arguments[0], kind: kind, because: index)
    case .negate: return terms.index(of: Term(operation: .negate, kind: kind, arguments: arguments))
    case .greatest: return terms.index(of: Term(operation: .greatest, kind: kind, arguments: arguments))
    case .least: return terms.index(of: Term(operation: .least, kind: kind, arguments: arguments))
    default: return terms.index(of: Term(operation: .asDouble, kind: .double, arguments: arguments))
    }
  }

  private func arithmetic(
    _ operation: Arithmetic, of left: TermIndex, and right: TermIndex, kind: ValueKind, because node: NodeIndex
  ) throws(ValueStop) -> TermIndex {
    let result = pool.result(of: operation, setIndex(of: left), setIndex(of: right), kind: kind)
    let values = pool[result.values]
    if values.isEmpty { throw .failed }
    if let number = values.singleNumber, !result.mayFail, kind == .int || kind == .uint {
      let value = kind == .int ? Value.int(Int64(number)) : .uint(UInt64(number))
      return terms.constant(value, kind: kind)
    }
    let isOrdered = operation == .add || operation == .multiply
    let arguments = isOrdered && right.rawValue < left.rawValue ? [right, left] : [left, right]
    let term = terms.index(of: Term(operation: .arithmetic(operation), kind: kind, arguments: arguments))
    if result.mayFail, try fails(term, because: node) { throw .failed }
    return term
  }

  /// True if the evaluation of a term fails, which is the same each time on a path.
  private func fails(_ term: TermIndex, because node: NodeIndex) throws(ValueStop) -> Bool {
    let question = terms.index(of: Term(operation: .part(-1), kind: .bool, arguments: [term]))
    // The successful path first, so that shortest ways do not begin with failures.
    if let known = assumptions[question] { return known }
    if isPeeking {
      pending = nil
      throw .infeasible
    }
    undecided.append(node)
    let isFailed = choose(2, isFree: false) == 1
    assumptions[question] = isFailed
    return isFailed
  }
}
