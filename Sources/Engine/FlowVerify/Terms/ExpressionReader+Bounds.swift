import CEL
import FlowIR

// The bounds of fields: a value that is larger fails the expression that it is assigned by.
extension ExpressionReader {
  /// The node of an expression whose value is assigned to a field with a bound.
  mutating func read(_ source: SourcedExpression, within maximum: Int?) -> NodeIndex {
    bounded(read(source), to: maximum, source.tree, in: Scope(), text: source)
  }

  /// The nodes of the arguments of an action or a flow.
  mutating func read(
    _ arguments: [SourcedExpression], for target: Call.Target, of program: Program
  ) -> [NodeIndex] {
    let parameters = program.parameters(of: target).fields
    return arguments.enumerated().map { position, argument in
      read(argument, within: parameters.indices.contains(position) ? parameters[position].maximum : nil)
    }
  }

  /// The bound of a data field, or of the field of a record that is assigned as a part of one; nil for none.
  func maximum(of slot: Int, part: [ActionStatement.PartStep]) -> Int? {
    let field = fields[slot - FrameLayout.firstField]
    var (type, maximum) = (field.type, field.maximum)
    for step in part {
      guard case .field(let name) = step, case .record(let record) = type,
        let declaration = types.record(named: record)?.field(name)
      else { return nil }
      (type, maximum) = (declaration.type, declaration.maximum)
    }
    return maximum
  }

  /// The value, or a failure when it is larger than a maximum.
  /// - Parameter tree: The expression of the value.
  mutating func bounded(
    _ value: NodeIndex, to maximum: Int?, _ tree: TypedExpression, in scope: Scope, text: SourcedExpression
  ) -> NodeIndex {
    guard let maximum, !fits(value, maximum) else { return value }
    var source = tree.sizeSource
    while let operand = source {
      if fits(read(operand, in: scope, text: text), maximum) { return value }
      source = operand.sizeSource
    }
    let name = graph.name(of: value)
    let isInside = hasSize(value, atMost: maximum)
    let type = graph[value].type
    let failure = node(.value, type: type, over: [node(.optionalNone, type: .optional(type))])
    let checked = node(.conditional, type: type, over: [isInside, value, failure])
    if let name { for made in [isInside, checked] { graph.name(made, name) } }
    return checked
  }

  /// The condition that a value is within a maximum. The sizes of strings and bytes are not followed.
  private mutating func hasSize(_ value: NodeIndex, atMost maximum: Int) -> NodeIndex {
    switch graph[value].type {
    case .list, .map:
      let check = isAtMost(node(.size, type: .int, over: [value]), int(Int64(maximum)))
      boundChecks[check] = maximum
      return check
    case .optional(let wrapped):
      let content = node(.value, type: wrapped, over: [value])
      let isAbsent = node(.not, type: .bool, over: [node(.hasValue, type: .bool, over: [value])])
      return node(.or, type: .bool, over: [isAbsent, hasSize(content, atMost: maximum)])
    default: return node(.opaque("at most \(maximum)"), type: .bool, over: [value])
    }
  }

  /// True if no value of a node is larger than a maximum: a smaller constant, or a copy of a field with a bound that is
  /// not larger.
  private func fits(_ value: NodeIndex, _ maximum: Int) -> Bool {
    let expression = graph[value]
    switch expression.operation {
    case .constant(let constant): return constant.excess(over: maximum) == nil
    case .slot(let slot):
      let position = slot - FrameLayout.firstField
      return fields.indices.contains(position) && fields[position].maximum.map { $0 <= maximum } ?? false
    case .select(let name):
      guard case .record(let record) = graph[expression.children[0]].type else { return false }
      return types.record(named: record)?.field(name)?.maximum.map { $0 <= maximum } ?? false
    case .conditional: return fits(expression.children[1], maximum) && fits(expression.children[2], maximum)
    case .list: return expression.children.count <= maximum
    case .optionalOf: return fits(expression.children[0], maximum)
    case .optionalNone: return true
    default: return false
    }
  }
}

extension TypedExpression {
  /// An operand that is not smaller than the value; nil when none is known.
  fileprivate var sizeSource: TypedExpression? {
    switch kind {
    case .coerce(let operand): operand
    case .named(let definition): definition.body
    case .comprehension(let macro):
      switch macro.macro {
      case .map, .filter, .sortBy, .transformList, .transformMap: macro.range
      default: nil
      }
    case .call(let builtin, _, let arguments):
      switch builtin {
      case .distinct, .reverse, .slice, .trim: arguments.first
      default: nil
      }
    default: nil
    }
  }
}
