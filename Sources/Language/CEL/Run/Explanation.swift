public import FlowJSON
public import FlowSource

/// The result of each part of an expression, for display.
public struct Explanation: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    case value(Value)
    /// `&&`, `||` or `?:` did not need it.
    case notEvaluated
    case unknown
    case error(String)
  }

  public var range: SourceRange
  /// The name of the definition, when the part is one.
  public var name: String?
  public var outcome: Outcome
  /// True for a literal, which needs no explanation.
  public var isConstant: Bool
  /// The range under which a rendering shows the outcome: the operator, the name, the dot.
  public var anchor: SourceRange
  public var children: [Explanation]

  /// The decisive part: the first child with the value of the whole, followed recursively.
  public var decisive: Explanation {
    children.first { $0.outcome == outcome && !$0.isConstant }?.decisive ?? self
  }

  /// The tree as JSON, values in their JSON form.
  public func json(in types: TypeRegistry) -> JSON {
    var members: [JSON.Member] = [
      .init("from", .int(Int64(range.lower))), .init("to", .int(Int64(range.upper))),
    ]
    if let name { members.append(.init("name", .string(name))) }
    switch outcome {
    case .value(let value): members += [.init("outcome", "value"), .init("value", value.json(in: types))]
    case .notEvaluated: members.append(.init("outcome", "not evaluated"))
    case .unknown: members.append(.init("outcome", "unknown"))
    case .error(let message): members += [.init("outcome", "error"), .init("message", .string(message))]
    }
    let shown = children.filter { !$0.isConstant }
    if !shown.isEmpty { members.append(.init("children", .array(shown.map { $0.json(in: types) }))) }
    return .object(members)
  }
}

/// Numbers the nodes of an expression while it is compiled for tracing.
struct ExplanationRecorder {
  private(set) var nodes: [TypedExpression] = []
  private var numbers: [Key: Int] = [:]

  private struct Key: Hashable {
    var range: SourceRange
    var kind: String
  }

  /// The number of a node; equal for equal ranges.
  mutating func number(of typed: TypedExpression) -> Int {
    let key = Key(range: typed.range, kind: typed.shape)
    if let known = numbers[key] { return known }
    numbers[key] = nodes.count
    nodes.append(typed)
    return nodes.count - 1
  }

  func find(_ typed: TypedExpression) -> Int? { numbers[Key(range: typed.range, kind: typed.shape)] }
}

extension TypedExpression {
  /// Distinguishes nodes with the same range.
  fileprivate var shape: String {
    switch kind {
    case .coerce: "coerce"
    case .named(let definition): "named " + definition.name
    case .call(let builtin, _, let arguments): "\(builtin.rawValue) \(arguments.count)"
    default: ""
    }
  }
}

extension Evaluator {
  /// Evaluates again and records the value of every part.
  ///
  /// Inside a macro it is the value for the last element, which for `all` and `exists` is the decisive one.
  public func explain(_ program: ExpressionProgram, frame: UnsafePointer<Slot>) -> Explanation {
    var builder = ProgramBuilder(types: program.types, slotCount: 1 << 28)
    builder.isTraced = true
    guard let code = try? builder.build(program.typed) else {
      return Explanation(
        range: program.typed.range, name: nil, outcome: .error("the expression is too large to explain"),
        isConstant: false, anchor: program.typed.range, children: [])
    }
    trace = [Slot?](repeating: nil, count: code.traceCount)
    let result = evaluateCode(code, frame: frame)
    defer { trace = [] }
    var seen: Set<ObjectIdentifier> = []
    var explanation = explanation(program.typed, code, seen: &seen)
    if isStopped { explanation.outcome = .error(error(result, code).message) }
    return explanation
  }

  /// - Parameter seen: The definitions whose parts were shown before; the parts of each are shown once.
  private func explanation(
    _ typed: TypedExpression, _ code: Code, seen: inout Set<ObjectIdentifier>
  ) -> Explanation {
    var name: String?
    var children = typed.children
    if case .named(let definition) = typed.kind {
      name = definition.name
      if !seen.insert(ObjectIdentifier(definition)).inserted { children = [] }
    }
    if case .function(_, let arguments) = typed.kind { children = arguments }
    if case .coerce(let inner) = typed.kind { return explanation(inner, code, seen: &seen) }
    let parts = children.map { explanation($0, code, seen: &seen) }
    let slot = code.tracer.find(typed).flatMap { $0 < trace.count ? trace[$0] : nil }
    return Explanation(
      range: typed.range, name: name, outcome: outcome(slot, typed: typed, code: code),
      isConstant: typed.constant != nil,
      anchor: typed.anchor, children: parts)
  }

  private func outcome(_ slot: Slot?, typed: TypedExpression, code: Code) -> Explanation.Outcome {
    if let constant = typed.constant { return .value(constant) }
    guard let slot else { return .notEvaluated }
    switch slot.tag {
    case .unset: return .notEvaluated
    case .unknown: return .unknown
    case .error: return .error(error(slot, code).message)
    default: return .value(slot.value(in: types))
    }
  }
}

extension TypedExpression {
  /// The range at which the outcome is shown: the gap of an operator, else the start.
  var anchor: SourceRange {
    func gap(_ left: TypedExpression, _ right: TypedExpression) -> SourceRange {
      SourceRange(left.range.upper, right.range.lower)
    }
    switch kind {
    case .and(let terms), .or(let terms): return terms.count > 1 ? gap(terms[0], terms[1]) : range
    case .conditional(let condition, let then, _): return gap(condition, then)
    case .call(let builtin, _, let arguments):
      if arguments.count > 1, builtin.isOperator, builtin != .index { return gap(arguments[0], arguments[1]) }
      guard let receiver = arguments.first, receiver.range.lower == range.lower else { return range }
      return SourceRange(receiver.range.upper, range.upper)
    case .comprehension(let macro): return SourceRange(macro.range.range.upper, range.upper)
    case .select(let operand, _, .plain):
      if case .variable = operand.kind { return range }
      if case .local = operand.kind { return range }
      return SourceRange(operand.range.upper, range.upper)
    default: return range
    }
  }
}
