import CEL
import FlowIR
import FlowSource

/// Translates typed expressions to nodes.
struct ExpressionReader {
  var graph = ExpressionGraph()
  let types: TypeRegistry
  /// The fields of the flow, whose slots begin with ``FrameLayout/firstField``.
  let fields: [DataField]
  /// The conditions that values are within the bounds of fields, with the bounds.
  var boundChecks: [NodeIndex: Int] = [:]
  /// The nodes of the parameters of functions and of bound variables, by slot and by local.
  struct Scope {
    var slots: [Int: NodeIndex] = [:]
    var locals: [Int: NodeIndex] = [:]
  }

  /// The nodes of the definitions that were read.
  private var definitions: [ObjectIdentifier: NodeIndex] = [:]
  private var sizes = ExpandedSizes()

  init(types: TypeRegistry, fields: [DataField]) {
    self.types = types
    self.fields = fields
  }

  /// The node of an expression of the flow.
  mutating func read(_ source: SourcedExpression) -> NodeIndex { read(source.tree, in: Scope(), text: source) }

  mutating func read(_ tree: TypedExpression, in scope: Scope, text: SourcedExpression) -> NodeIndex {
    let index = translated(tree, in: scope, text: text)
    graph.name(index, text.text(of: tree))
    return index
  }

  private mutating func translated(
    _ tree: TypedExpression, in scope: Scope, text: SourcedExpression
  ) -> NodeIndex {
    switch tree.kind {
    case .constant(let value): return node(.constant(value), type: tree.type)
    case .variable(_, let slot): return scope.slots[slot] ?? node(.slot(slot), type: tree.type)
    case .local(_, let index): return scope.locals[index] ?? opaque(tree, in: scope, text: text)
    case .named(let definition): return read(definition, in: scope)
    case .and(let terms): return node(.and, type: .bool, over: terms.map { read($0, in: scope, text: text) })
    case .or(let terms): return node(.or, type: .bool, over: terms.map { read($0, in: scope, text: text) })
    case .conditional(let condition, let then, let otherwise):
      guard then.type == tree.type, otherwise.type == tree.type else { return opaque(tree, in: scope, text: text) }
      let parts = [condition, then, otherwise].map { read($0, in: scope, text: text) }
      return node(.conditional, type: tree.type, over: parts)
    case .select(let operand, let field, let mode):
      return select(tree, field: field, of: operand, mode: mode, in: scope, text: text)
    case .bind(_, let local, let value, let body):
      guard Totality.isTotal(value, types: types) else { return opaque(tree, in: scope, text: text) }
      var inner = scope
      inner.locals[local] = read(value, in: scope, text: text)
      return read(body, in: inner, text: text)
    case .block(let first, let values, let body):
      guard values.allSatisfy({ Totality.isTotal($0, types: types) }) else {
        return opaque(tree, in: scope, text: text)
      }
      var inner = scope
      for (offset, value) in values.enumerated() { inner.locals[first + offset] = read(value, in: inner, text: text) }
      return read(body, in: inner, text: text)
    case .function(let function, let arguments):
      var inner = Scope()
      for (slot, argument) in zip(function.parameterSlots, arguments) {
        inner.slots[slot] = read(argument, in: scope, text: text)
      }
      let body = read(function.body, in: inner, text: .init(named: function.name, function.body))
      // Arguments are evaluated whether or not the body needs them.
      let partial = zip(function.parameterSlots, arguments).filter { !Totality.isTotal($1, types: types) }
      return partial.isEmpty
        ? body : node(.strict, type: tree.type, over: partial.compactMap { inner.slots[$0.0] } + [body])
    case .coerce(let operand): return coerce(tree, from: operand, in: scope, text: text)
    case .list(let elements):
      guard !elements.contains(where: \.isOptional) else { return opaque(tree, in: scope, text: text) }
      return node(.list, type: tree.type, over: elements.map { read($0.value, in: scope, text: text) })
    case .record(let name, let fields): return record(tree, named: name, fields: fields, in: scope, text: text)
    case .call(let builtin, _, let arguments):
      return access(tree, by: builtin, arguments: arguments, in: scope, text: text)
        ?? call(tree, to: builtin, arguments: arguments, in: scope, text: text)
    case .map(let entries) where entries.isEmpty: return node(.list, type: tree.type)
    case .map, .comprehension, .failure: return opaque(tree, in: scope, text: text)
    }
  }

  mutating func node(
    _ operation: ExpressionNode.Operation, type: ValueType, over children: [NodeIndex] = [], canFail: Bool = false
  ) -> NodeIndex {
    graph.index(of: ExpressionNode(operation: operation, type: type, children: children, canFail: canFail))
  }

  private mutating func select(
    _ tree: TypedExpression, field: String, of operand: TypedExpression, mode: Expression.SelectMode,
    in scope: Scope, text: SourcedExpression
  ) -> NodeIndex {
    switch (operand.type, mode) {
    case (.record(let name), .plain) where isPlain(name):
      return node(.select(field), type: tree.type, over: [read(operand, in: scope, text: text)])
    case (.optional(.record(let name)), _) where isPlain(name) && mode != .test:
      return node(.selectOptional(field), type: tree.type, over: [read(operand, in: scope, text: text)])
    default: return opaque(tree, in: scope, text: text)
    }
  }

  /// True if every value of a record has all of its fields.
  private func isPlain(_ name: String) -> Bool {
    types.record(named: name)?.fields.allSatisfy { $0.presence == .always } ?? false
  }

  private mutating func coerce(
    _ tree: TypedExpression, from operand: TypedExpression, in scope: Scope, text: SourcedExpression
  ) -> NodeIndex {
    if operand.type == tree.type { return read(operand, in: scope, text: text) }
    if ValueKind(tree.type) == .sized, operand.isEmptyContainer { return node(.list, type: tree.type) }
    if case .optional(let wrapped) = tree.type {
      if operand.type == wrapped {
        return node(.optionalOf, type: tree.type, over: [read(operand, in: scope, text: text)])
      }
      switch operand.kind {
      case .call(.optionalNone, _, _), .constant(.optional(nil)): return node(.optionalNone, type: tree.type)
      default: break
      }
    }
    return opaque(tree, in: scope, text: text)
  }

  private mutating func record(
    _ tree: TypedExpression, named name: String, fields: [TypedExpression.FieldValue], in scope: Scope,
    text: SourcedExpression
  ) -> NodeIndex {
    guard let declaration = types.record(named: name), isPlain(name), !fields.contains(where: \.isOptional) else {
      return opaque(tree, in: scope, text: text)
    }
    var children: [NodeIndex] = []
    for field in declaration.fields {
      if let given = fields.first(where: { $0.field == field.name }) {
        guard given.value.type == field.type else { return opaque(tree, in: scope, text: text) }
        let value = read(given.value, in: scope, text: text)
        children.append(bounded(value, to: field.maximum, given.value, in: scope, text: text))
      } else if let value = field.defaultValue {
        children.append(node(.constant(value), type: field.type))
      } else if case .optional = field.type {
        children.append(node(.optionalNone, type: field.type))
      } else {
        return opaque(tree, in: scope, text: text)
      }
    }
    return node(.record(name), type: tree.type, over: children)
  }

  /// The node of a definition, which contains neither parameters nor bound variables.
  private mutating func read(_ definition: Definition, in scope: Scope) -> NodeIndex {
    if let known = definitions[ObjectIdentifier(definition)] { return known }
    let text = SourcedExpression(named: definition.name, definition.body)
    let index: NodeIndex
    if sizes.size(of: definition) <= ExpandedSizes.maximum {
      index = read(definition.body, in: scope, text: text)
    } else {
      let inputs = definition.body.readVariables.map { node(.slot($0.slot), type: $0.type) }
      index = node(.opaque("let \(definitions.count)"), type: definition.body.type, over: inputs, canFail: true)
      graph.name(index, definition.name)
    }
    definitions[ObjectIdentifier(definition)] = index
    return index
  }

  // MARK: - Calls

  /// An element, an entry or a slice: its value is not followed, but whether it has one is. Nil for other calls.
  private mutating func access(
    _ tree: TypedExpression, by builtin: Builtin, arguments: [TypedExpression], in scope: Scope,
    text: SourcedExpression
  ) -> NodeIndex? {
    guard let access = Access(builtin, arguments.map(\.type), result: tree.type) else { return nil }
    let parts = arguments.map { read($0, in: scope, text: text) }
    let isInside: NodeIndex
    var found = node(.element, type: tree.type, over: parts)
    switch access {
    case .element:
      let isBelow = node(.less, type: .bool, over: [parts[1], node(.size, type: .int, over: [parts[0]])])
      isInside = node(.and, type: .bool, over: [isAtMost(int(0), parts[1]), isBelow])
    case .entry: isInside = node(.contained, type: .bool, over: [parts[1], parts[0]])
    case .slice:
      let ordered = [int(0), parts[1], parts[2], node(.size, type: .int, over: [parts[0]])]
      isInside = node(.and, type: .bool, over: zip(ordered, ordered.dropFirst()).map { isAtMost($0, $1) })
      let size = node(.arithmetic(.subtract), type: .int, over: [parts[2], parts[1]])
      found = node(.slice, type: tree.type, over: parts + [size])
    }
    for made in [isInside] + graph[isInside].children { graph.name(made, text.text(of: tree)) }
    let failure = node(.value, type: tree.type, over: [node(.optionalNone, type: .optional(tree.type))])
    return node(.conditional, type: tree.type, over: [isInside, found, failure])
  }

  mutating func int(_ value: Int64) -> NodeIndex { node(.constant(.int(value)), type: .int) }

  mutating func isAtMost(_ left: NodeIndex, _ right: NodeIndex) -> NodeIndex {
    node(.lessOrEqual, type: .bool, over: [left, right])
  }

  private mutating func call(
    _ tree: TypedExpression, to builtin: Builtin, arguments: [TypedExpression], in scope: Scope,
    text: SourcedExpression
  ) -> NodeIndex {
    if let found = calendar(tree, by: builtin, arguments: arguments, in: scope, text: text) { return found }
    let types = arguments.map(\.type)
    guard let operation = operation(builtin, types, result: tree.type) else {
      return opaque(tree, in: scope, text: text)
    }
    var children = arguments.map { read($0, in: scope, text: text) }
    switch builtin {
    case .notEqual: return node(.not, type: .bool, over: [node(operation, type: .bool, over: children)])
    case .greater, .greaterOrEqual:
      children.reverse()
      return node(operation, type: .bool, over: children)
    case .add, .subtract, .multiply, .divide, .modulo, .greatest, .least:
      guard children.count > 2 else { return node(operation, type: tree.type, over: children) }
      return children.dropFirst().reduce(children[0]) { node(operation, type: tree.type, over: [$0, $1]) }
    default: return node(operation, type: tree.type, over: children)
    }
  }

  /// A function of the calendar in a zone that is known; nil for other calls.
  private mutating func calendar(
    _ tree: TypedExpression, by builtin: Builtin, arguments: [TypedExpression], in scope: Scope,
    text: SourcedExpression
  ) -> NodeIndex? {
    let followed: Int
    switch builtin {
    case .addDays, .addMonths, .workday: followed = 2
    case .nextLocal: followed = 1
    default: return nil
    }
    guard tree.type == .timestamp, arguments.count > followed else { return nil }
    var constants = [builtin.rawValue]
    for argument in arguments.dropFirst(followed) {
      guard let value = constant(argument) else { return nil }
      constants.append("\(value)")
    }
    let children = arguments.prefix(followed).map { read($0, in: scope, text: text) }
    return node(.calendar(constants.joined(separator: " ")), type: .timestamp, over: children)
  }

  private func constant(_ tree: TypedExpression) -> Value? {
    if case .named(let definition) = tree.kind { return constant(definition.body) }
    return tree.constant
  }

  private func operation(
    _ builtin: Builtin, _ arguments: [ValueType], result: ValueType
  ) -> ExpressionNode.Operation? {
    let areAlike = arguments.count >= 2 && arguments.allSatisfy { $0 == arguments[0] }
    let kind = arguments.first.map { ValueKind($0) } ?? .other
    switch builtin {
    case .not where arguments == [.bool]: return .not
    case .equal where areAlike, .notEqual where areAlike: return .equal
    case .less where areAlike && isOrdered(kind), .greater where areAlike && isOrdered(kind): return .less
    case .lessOrEqual where areAlike && isOrdered(kind), .greaterOrEqual where areAlike && isOrdered(kind):
      return .lessOrEqual
    case .add where areAlike && arguments[0] == result:
      if case .list = result { return .joined }
      return arithmetic(.add, on: kind)
    case .add where arguments == [.timestamp, .duration]: return .arithmetic(.add)
    case .subtract where areAlike && arguments[0] == result: return arithmetic(.subtract, on: kind)
    case .subtract where arguments == [.timestamp, .timestamp] || arguments == [.timestamp, .duration]:
      return .arithmetic(.subtract)
    case .multiply where areAlike: return isNumber(kind) ? .arithmetic(.multiply) : nil
    case .divide where areAlike: return isNumber(kind) ? .arithmetic(.divide) : nil
    case .modulo where areAlike: return kind == .int || kind == .uint ? .arithmetic(.modulo) : nil
    case .negate where kind == .int || kind == .double: return .negate
    case .greatest where areAlike && (kind == .int || kind == .uint): return .greatest
    case .least where areAlike && (kind == .int || kind == .uint): return .least
    case .double where kind == .int || kind == .uint: return .asDouble
    case .size where arguments.count == 1 && kind == .sized: return .size
    case .isIn where arguments.count == 2 && ValueKind(arguments[1]) == .sized: return .contained
    default: return optionalOperation(builtin, arguments, result: result)
    }
  }

  private func optionalOperation(
    _ builtin: Builtin, _ arguments: [ValueType], result: ValueType
  ) -> ExpressionNode.Operation? {
    if builtin == .optionalNone, arguments.isEmpty { return .optionalNone }
    guard let first = arguments.first else { return nil }
    if builtin == .optionalOf, result == .optional(first) { return .optionalOf }
    guard case .optional(let wrapped) = first else { return nil }
    switch builtin {
    case .hasValue: return .hasValue
    case .value where result == wrapped: return .value
    case .orValue where arguments == [first, wrapped] && result == wrapped: return .orValue
    case .or where arguments == [first, first]: return .orOptional
    default: return nil
    }
  }

  private func arithmetic(_ operation: Arithmetic, on kind: ValueKind) -> ExpressionNode.Operation? {
    isNumber(kind) || kind == .length ? .arithmetic(operation) : nil
  }

  private func isNumber(_ kind: ValueKind) -> Bool { kind == .int || kind == .uint || kind == .double }

  private func isOrdered(_ kind: ValueKind) -> Bool { isNumber(kind) || kind == .instant || kind == .length }

  // MARK: - Expressions that are not followed

  /// A node that is known by its text and by the values that it reads.
  private mutating func opaque(_ tree: TypedExpression, in scope: Scope, text: SourcedExpression) -> NodeIndex {
    var writer = OpaqueText()
    var free: [NodeIndex] = []
    let key = writer.write(tree) { inner in
      let found: NodeIndex
      switch inner.kind {
      case .variable: found = read(inner, in: scope, text: text)
      case .local(_, let index):
        guard let known = scope.locals[index] else { return nil }
        found = known
      case .named(let definition): found = read(definition, in: scope)
      case .call where isFollowed(inner, in: scope): found = read(inner, in: scope, text: text)
      default: return nil
      }
      if let position = free.firstIndex(of: found) { return position }
      free.append(found)
      return free.count - 1
    }
    // A failure of an input is followed.
    let isTotal = Totality.isTotal(tree, types: types) { inner in
      if case .named = inner.kind { return true }
      return isFollowed(inner, in: scope)
    }
    let index = node(.opaque(key), type: tree.type, over: free, canFail: !isTotal)
    graph.name(index, text.text(of: tree))
    return index
  }

  /// True for an access outside of the loops of an expression, which is an input of it.
  private func isFollowed(_ tree: TypedExpression, in scope: Scope) -> Bool {
    guard case .call(let builtin, _, let arguments) = tree.kind,
      Access(builtin, arguments.map(\.type), result: tree.type) != nil
    else { return false }
    return isClosed(tree, in: scope)
  }

  private func isClosed(_ tree: TypedExpression, in scope: Scope) -> Bool {
    if case .local(_, let index) = tree.kind { return scope.locals[index] != nil }
    if case .named = tree.kind { return true }
    return tree.children.allSatisfy { isClosed($0, in: scope) }
  }
}

/// A call that has a value only for some elements, keys or positions.
private enum Access {
  /// `list[i]`.
  case element
  /// `map[k]`.
  case entry
  /// `list.slice(i, j)`.
  case slice

  init?(_ builtin: Builtin, _ arguments: [ValueType], result: ValueType) {
    switch builtin {
    case .index where arguments == [.list(result), .int]: self = .element
    case .index where arguments.count == 2 && arguments[0] == .map(arguments[1], result): self = .entry
    case .slice where arguments == [result, .int, .int]: self = .slice
    default: return nil
    }
  }
}

extension SourcedExpression {
  /// An expression from elsewhere, whose parts are all shown by its name.
  fileprivate init(named name: String, _ tree: TypedExpression) { self.init(text: name, base: .max, tree: tree) }

  /// The part of the text that a part of the tree was read from.
  func text(of part: TypedExpression) -> String {
    let bytes = Array(text.utf8)
    let (low, high) = (Int(part.range.lower) - Int(base), Int(part.range.upper) - Int(base))
    guard low >= 0, low < high, high <= bytes.count else { return text }
    return String(decoding: bytes[low..<high], as: UTF8.self)
  }
}
