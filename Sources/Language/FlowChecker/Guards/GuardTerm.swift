import CEL

/// An operand of a comparison in a guard: a variable, a field or another expression, identified by its text.
struct GuardTerm: Hashable {
  /// Equal for expressions that differ only in their location.
  let key: String
  let whole: Domain
  /// True if every value of `whole` is possible for all values of the other terms; an assignment is then a proof.
  let isFree: Bool

  static func == (left: GuardTerm, right: GuardTerm) -> Bool { left.key == right.key }

  func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// Reads typed expressions as terms and constants.
struct TermReader {
  /// Longer texts are replaced by a number, so that the text of chained definitions does not grow without bound.
  private static let longestKey = 160

  let types: TypeRegistry
  let names: [Int: String]
  private let memory = Memory()

  private final class Memory {
    var keys: [ObjectIdentifier: String] = [:]
    var numbers: [String: Int] = [:]
  }

  init(types: TypeRegistry, names: [Int: String] = [:]) {
    self.types = types
    self.names = names
  }

  /// The text of a definition, computed once.
  private func key(_ definition: Definition) -> String {
    if let known = memory.keys[ObjectIdentifier(definition)] { return known }
    var text = key(definition.body)
    if text.utf8.count > TermReader.longestKey {
      let number = memory.numbers[text] ?? memory.numbers.count
      memory.numbers[text] = number
      text = "#\(number)"
    }
    memory.keys[ObjectIdentifier(definition)] = text
    return text
  }

  /// The term of an expression; nil for a type whose values are not tracked.
  func term(_ tree: TypedExpression) -> GuardTerm? {
    guard let whole = whole(tree) else { return nil }
    return GuardTerm(key: key(tree), whole: whole, isFree: isPlace(tree))
  }

  /// All values of a type.
  private func whole(_ tree: TypedExpression) -> Domain? {
    switch tree.type {
    case .bool: return .names(["true", "false"], isComplement: false)
    case .int:
      if case .call(.size, _, _) = tree.kind { return .numbers([0...Int128(Int64.max)]) }
      return .numbers([Int128(Int64.min)...Int128(Int64.max)])
    case .uint: return .numbers([0...Int128(UInt64.max)])
    case .timestamp, .duration: return .numbers([.min...(.max)])
    case .double: return .doubles([.all], hasNaN: true)
    case .string: return .names([], isComplement: true)
    case .enumeration(let name):
      guard let declaration = types.enumeration(named: name) else { return nil }
      return .names(Set(declaration.values.map { "\(name).\($0.name)" }), isComplement: false)
    default: return nil
    }
  }

  /// The domain of exactly one value; nil for a type whose values are not tracked.
  func single(_ value: Value) -> Domain? {
    switch value {
    case .bool(let flag): .names([flag ? "true" : "false"], isComplement: false)
    case .int(let number): .numbers([Int128(number)...Int128(number)])
    case .uint(let number): .numbers([Int128(number)...Int128(number)])
    case .timestamp(let instant): single(Int128(instant.seconds) * 1_000_000_000 + Int128(instant.nanoseconds))
    case .duration(let length): single(Int128(length.nanoseconds))
    case .double(let number):
      number.isNaN ? .doubles([], hasNaN: false) : .doubles([.init(low: number, high: number)], hasNaN: false)
    case .string(let text): .names(["\"\(text)\""], isComplement: false)
    case .enumeration(let type, let number):
      types.enumeration(named: type)?.values.first { $0.number == number }.map {
        .names(["\(type).\($0.name)"], isComplement: false)
      }
    default: nil
    }
  }

  private func single(_ number: Int128) -> Domain { .numbers([number...number]) }

  /// The values on one side of a constant; nil for types without a tracked order.
  func side(_ value: Value, isBelow: Bool, isStrict: Bool) -> Domain? {
    switch single(value) {
    case .numbers(let ranges)?:
      guard let number = ranges.first?.lowerBound else { return nil }
      let bound = isStrict ? (isBelow ? number - 1 : number + 1) : number
      return .numbers([isBelow ? .min...bound : bound...(.max)])
    case .doubles(let intervals, _)?:
      guard let number = intervals.first?.low else { return .doubles([], hasNaN: false) }
      let interval =
        isBelow
        ? DoubleInterval(low: -.infinity, high: number, isHighOpen: isStrict)
        : DoubleInterval(low: number, isLowOpen: isStrict, high: .infinity)
      return .doubles([interval], hasNaN: false)
    default: return nil
    }
  }

  /// Returns whether the expression is a data field or a field of the event, whose value is independent of others.
  private func isPlace(_ tree: TypedExpression) -> Bool {
    switch tree.kind {
    case .variable(let name, _): name != "now" && name != "self" && name != "caller"
    case .select(let operand, _, .plain): if case .record = operand.type { isPlace(operand) } else { false }
    default: false
    }
  }

  /// A constant as text with its type.
  private func key(_ value: Value) -> String {
    switch value {
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): "int(\(number))"
    case .uint(let number): "uint(\(number))"
    case .double(let number): "double(\(number))"
    case .string(let text): "string(\(text))"
    // By reflection, which is slow.
    default: "\(value)"
    }
  }

  /// The expression as text without its location; names of definitions are resolved.
  func key(_ tree: TypedExpression) -> String {
    switch tree.kind {
    case .constant(let value): key(value)
    case .variable(let name, let slot): names[slot] ?? name
    case .local(_, let index): "$\(index)"
    case .named(let definition): key(definition)
    case .select(let operand, let field, let mode): "\(key(operand)).\(mode == .plain ? "" : "?\(mode)")\(field)"
    case .call(let builtin, let overload, let arguments):
      "\(builtin.rawValue)\(overload ?? "")(\(arguments.map(key).joined(separator: ", ")))"
    case .coerce(let operand): "\(key(operand)) as \(tree.type)"
    case .comprehension(let macro):
      "\(macro.macro)(\(macro.variables.count), \(tree.children.map(key).joined(separator: ", ")))"
    case .record(let name, let fields):
      "\(name){\(fields.map { "\($0.field): \(key($0.value))" }.joined(separator: ", "))}"
    case .function(let function, let arguments): "\(function.name)(\(arguments.map(key).joined(separator: ", ")))"
    case .failure(let message): message
    case .and: "and(\(tree.children.map(key).joined(separator: ", ")))"
    case .or: "or(\(tree.children.map(key).joined(separator: ", ")))"
    case .conditional: "if(\(tree.children.map(key).joined(separator: ", ")))"
    case .list: "list(\(tree.children.map(key).joined(separator: ", ")))"
    case .map: "map(\(tree.children.map(key).joined(separator: ", ")))"
    case .bind: "bind(\(tree.children.map(key).joined(separator: ", ")))"
    case .block: "block(\(tree.children.map(key).joined(separator: ", ")))"
    }
  }
}
