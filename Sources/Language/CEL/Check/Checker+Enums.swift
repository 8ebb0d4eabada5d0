import FlowSource

// Messages about the values of enums.
extension Checker {
  /// The enum that an expression names as a type; nil for any other expression.
  func enumeration(namedBy operand: TypedExpression) -> EnumDeclaration? {
    guard case .constant(.type(let name)) = operand.kind else { return nil }
    return environment.types.enumeration(named: name)
  }

  /// F203: a value that the enum does not have.
  mutating func reportUnknownValue(_ field: Expression.Field, of enumeration: EnumDeclaration) {
    let names = enumeration.values.map(\.name)
    let close = Suggestion.closest(to: field.name, among: names, limit: 1).first
    report(
      "F203", message: "the enum `\(enumeration.name)` has no value `\(field.name)`", at: field.range,
      notes: valuesNote(enumeration), help: close.map { "change it to `\($0)`" },
      fixes: close.map { [Fix("change to `\($0)`", .maybe, [Fix.Edit(field.range, $0)])] } ?? [])
  }

  private func valuesNote(_ enumeration: EnumDeclaration) -> [String] {
    let names = enumeration.values.map { "`\($0.name)`" }
    return names.isEmpty || names.count > 8 ? [] : ["its values are \(names.joined(separator: ", "))"]
  }

  /// The help for a string where the value of an enum is expected.
  func enumHelp(_ wanted: ValueType, _ typed: TypedExpression) -> (help: String?, fixes: [Fix]) {
    guard case .enumeration(let name) = wanted, let enumeration = environment.types.enumeration(named: name),
      substitution.apply(typed.type, isFinal: true) == .string
    else { return (nil, []) }
    guard case .string(let text)? = typed.constant else {
      return ("convert it with `\(name)(...)`, which fails for any other text", [])
    }
    guard enumeration.number(of: text) != nil else {
      let close = Suggestion.closest(to: text, among: enumeration.values.map(\.name), limit: 1).first
      let value = close ?? enumeration.values.first?.name ?? "…"
      return ("values of an enum are written with its name, such as `\(name).\(value)`", [])
    }
    let value = "\(name).\(text)"
    return ("write `\(value)`", [Fix("write `\(value)`", .safe, [Fix.Edit(typed.range, value)])])
  }

  /// The help for a comparison of an enum with a string, or for a string in a list of the values of an enum.
  func comparedEnum(_ builtin: Builtin?, _ arguments: [TypedExpression]) -> (String?, [Fix])? {
    guard arguments.count == 2 else { return nil }
    let types = arguments.map { substitution.apply($0.type, isFinal: true) }
    switch (builtin, types[0], types[1]) {
    case (.equal, .enumeration, .string), (.notEqual, .enumeration, .string): return enumHelp(types[0], arguments[1])
    case (.equal, .string, .enumeration), (.notEqual, .string, .enumeration): return enumHelp(types[1], arguments[0])
    case (.isIn, .enumeration(let name), .list(.string)):
      return ("write the items of the list as values of `\(name)`", [])
    default: return nil
    }
  }
}
