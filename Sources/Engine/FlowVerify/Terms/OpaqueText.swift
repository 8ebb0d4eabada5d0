import CEL

/// Writes an expression as text without its location, such that equal texts mean equal values for equal inputs.
struct OpaqueText {
  /// The text of an expression; `input` gives the number of a part that is an input, nil for other parts.
  mutating func write(_ tree: TypedExpression, _ input: (TypedExpression) -> Int?) -> String {
    if let number = input(tree) { return "@\(number)" }
    switch tree.kind {
    case .constant(let value): return "\(value)"
    case .variable(let name, let slot): return "\(name)#\(slot)"
    case .local(_, let index): return "$\(index)"
    case .named(let definition): return write(definition.body, input)
    case .failure(let message): return "failure(\(message))"
    case .select(let operand, let field, let mode): return "\(write(operand, input)).\(mode.rawValue).\(field)"
    case .coerce(let operand): return "(\(write(operand, input)) as \(tree.type))"
    case .call(let builtin, _, _): return "\(builtin.rawValue)\(list(tree, input)):\(tree.type)"
    case .and: return "and\(list(tree, input))"
    case .or: return "or\(list(tree, input))"
    case .conditional: return "if\(list(tree, input))"
    case .list(let elements): return "list\(elements.map(\.isOptional))\(list(tree, input))"
    case .map(let entries): return "map\(entries.map(\.isOptional))\(list(tree, input))"
    case .record(let name, let fields):
      return "\(name)\(fields.map { "\($0.field)\($0.isOptional)" })\(list(tree, input))"
    case .comprehension(let macro):
      return "\(macro.macro.rawValue)\(macro.first)\(macro.variables.count)\(macro.filter != nil)\(list(tree, input))"
    case .bind(_, let local, _, _): return "bind\(local)\(list(tree, input))"
    case .block(let first, _, _): return "block\(first)\(list(tree, input))"
    case .function(let function, let arguments):
      // The body reads the parameters only, so that it is no input.
      let body = write(function.body) { _ in nil }
      return "\(function.name)(\(arguments.map { write($0, input) }.joined(separator: ", "))){\(body)}"
    }
  }

  private mutating func list(_ tree: TypedExpression, _ input: (TypedExpression) -> Int?) -> String {
    "(" + tree.children.map { write($0, input) }.joined(separator: ", ") + ")"
  }
}

/// True if expressions have a value for all values of what they read. The limits of memory and of cost do not count.
enum Totality {
  /// Returns true only if no evaluation of the expression fails.
  /// - Parameter isInput: True for parts whose failures do not count.
  static func isTotal(
    _ tree: TypedExpression, types: TypeRegistry, except isInput: (TypedExpression) -> Bool = { _ in false }
  ) -> Bool {
    if isInput(tree) { return true }
    var sizes = ExpandedSizes()
    func isTotal(_ tree: TypedExpression) -> Bool { Totality.isTotal(tree, types: types, except: isInput) }
    return switch tree.kind {
    case .constant, .variable, .local: true
    case .named(let definition): sizes.size(of: definition) <= ExpandedSizes.maximum && isTotal(definition.body)
    case .failure: false
    case .select(let operand, _, let mode):
      isTotal(operand) && isSelectionTotal(operand.type, mode, types: types)
    case .coerce(let operand):
      operand.isEmptyContainer
        || isTotal(operand) && isCoercionTotal(from: operand.type, to: tree.type)
    case .function(let function, let arguments):
      arguments.allSatisfy { isTotal($0) } && isTotal(function.body)
    case .comprehension(let macro):
      isContainer(macro.range.type) && tree.children.allSatisfy { isTotal($0) }
        && macro.macro != .transformMapEntry && macro.macro != .sortBy
    case .call(let builtin, _, let arguments):
      Totality.isTotal(builtin, arguments) && arguments.allSatisfy { isTotal($0) }
    case .record(let name, let fields):
      fields.allSatisfy { types.record(named: name)?.field($0.field)?.maximum == nil && isTotal($0.value) }
    case .map(let entries): entries.count <= 1 && tree.children.allSatisfy { isTotal($0) }
    case .and, .or, .conditional, .list, .bind, .block:
      tree.children.allSatisfy { isTotal($0) }
    }
  }

  private static func isSelectionTotal(
    _ type: ValueType, _ mode: Expression.SelectMode, types: TypeRegistry
  ) -> Bool {
    switch type {
    case .record, .optional(.record): true
    case .map: mode != .plain
    default: false
    }
  }

  private static func isCoercionTotal(from given: ValueType, to wanted: ValueType) -> Bool {
    if given == wanted { return true }
    if case .optional(let wrapped) = wanted { return wrapped == given }
    return wanted == .dyn
  }

  private static func isContainer(_ type: ValueType) -> Bool {
    switch type {
    case .list, .map, .optional: true
    default: false
    }
  }

  private static func isTotal(_ builtin: Builtin, _ arguments: [TypedExpression]) -> Bool {
    guard !arguments.contains(where: { isDynamic($0.type) }) else { return builtin == .equal || builtin == .notEqual }
    let first = arguments.first?.type ?? .null
    switch builtin {
    case .not, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .isIn, .size, .contains, .startsWith,
      .endsWith, .hasValue, .or, .orValue, .first, .last, .optionalOf, .optionalNone, .optionalOfNonZero,
      .optionalIndex,
      .unwrap, .unwrapOpt, .distinct, .reverse, .setsContains, .setsEquivalent, .setsIntersects, .lowerAscii,
      .upperAscii, .trim, .ceil, .floor, .round, .trunc, .isNaN, .isInf, .isFinite, .sqrt, .sign, .bitAnd, .bitOr,
      .bitXor, .bitNot, .quote, .base64Encode, .urlEncode, .isIP, .isCIDR, .type:
      return true
    case .add: return first == .double || first == .string || first == .bytes || isList(first)
    case .subtract, .multiply, .divide, .negate, .abs: return first == .double
    case .double: return first == .int || first == .uint || first == .double
    case .string: return first != .bytes
    case .int: return first == .int
    case .uint: return first == .uint
    case .bool: return first == .bool
    case .bytes: return first == .string || first == .bytes
    case .timestamp, .duration: return first == .timestamp && builtin == .timestamp || first == .duration
    case .greatest, .least: return arguments.count >= 2 && arguments.allSatisfy { $0.type == first }
    case .join, .flatten, .split, .replace: return arguments.allSatisfy { $0.type == .string || isList($0.type) }
    case .sum: return first == .list(.double)
    case .matches:
      // A constant pattern was read by the compiler.
      guard case .constant? = arguments.last?.kind else { return false }
      return true
    case .getFullYear, .getMonth, .getDate, .getDayOfMonth, .getDayOfWeek, .getDayOfYear, .getHours, .getMinutes,
      .getSeconds, .getMilliseconds:
      return arguments.count == 1
    default: return false
    }
  }

  private static func isList(_ type: ValueType) -> Bool { if case .list = type { true } else { false } }

  private static func isDynamic(_ type: ValueType) -> Bool {
    switch type {
    case .dyn, .error, .wrapper, .parameter: true
    default: false
    }
  }
}

extension TypedExpression {
  /// True for `[]` and `{}`, which belong to every type of list or map.
  var isEmptyContainer: Bool {
    switch kind {
    case .list(let elements): elements.isEmpty
    case .map(let entries): entries.isEmpty
    case .constant(.list(let elements)): elements.isEmpty
    case .constant(.map(let map)): map.entries.isEmpty
    default: false
    }
  }
}
