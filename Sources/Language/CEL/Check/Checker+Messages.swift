import FlowSource

extension Checker {
  mutating func report(
    _ code: String, message: String, at range: SourceRange, label: String = "", notes: [String] = [],
    help: String? = nil, fixes: [Fix] = []
  ) {
    guard !isLenient else { return }
    diagnostics.append(
      Diagnostic(code, .error, message, at: range, label: label, notes: notes, help: help, fixes: fixes))
  }

  /// `an int`, `a list<string>`.
  func article(_ type: ValueType) -> String {
    let name = substitution.apply(type, isFinal: true).description
    let isVowel = name.first.map { "aeio".contains($0) } ?? false
    return (isVowel ? "an `" : "a `") + name + "`"
  }

  func conversionHelp(_ wanted: ValueType, _ found: ValueType) -> String? {
    let found = substitution.apply(found, isFinal: true)
    switch (wanted, found) {
    case (.double, .int), (.double, .uint), (.int, .uint), (.uint, .int), (.int, .double), (.string, .int),
      (.string, .double), (.string, .timestamp), (.int, .string), (.double, .string), (.timestamp, .string),
      (.duration, .string), (.string, .enumeration):
      return "convert it with `\(wanted)(...)`"
    case (.duration, .int): return "a duration has a unit: write `duration(\"2h\")`"
    case (.timestamp, .int): return "write an instant as `timestamp(\"2026-01-31T09:00:00Z\")`"
    case (.optional, .null): return "write `optional.none()` for no value"
    case (_, .optional(let inner)) where inner == wanted:
      return "the value may be absent: write `.orValue(...)` behind it"
    default: return nil
    }
  }

  mutating func reportUnknownFunction(
    _ function: Expression.Field, isMember: Bool, arguments: [TypedExpression], at range: SourceRange
  ) -> TypedExpression {
    let failure = TypedExpression(range, .error, .failure("there is no function named `\(function.name)`"))
    if isMember, arguments[0].type == .error { return failure }
    if let other = environment.overloads[function.name]?.first {
      let way = isMember ? "`\(function.name)(...)`" : "`value.\(function.name)(...)`"
      report(
        "F204", message: "`\(function.name)` is called differently", at: function.range,
        help: "write \(way), as in `\(other)`")
      return failure
    }
    var names = environment.overloads.filter { $0.value.contains { $0.isMember == isMember } }.map(\.key)
    if isMember {
      names += ["all", "exists", "existsOne", "filter", "map", "sortBy", "transformList", "transformMap"]
    } else {
      names += environment.functions.keys + ["has"]
    }
    let close = Suggestion.closest(to: function.name, among: names, limit: 1).first
    report(
      "F106", message: "there is no function named `\(function.name)`", at: function.range,
      help: close.map { "change it to `\($0)`" },
      fixes: close.map { [Fix("change to `\($0)`", .maybe, [Fix.Edit(function.range, $0)])] } ?? [])
    return failure
  }

  mutating func reportNoOverload(
    _ name: String, signatures: [Signature], arguments: [TypedExpression], at range: SourceRange,
    nameRange: SourceRange
  ) -> TypedExpression {
    let builtin = Builtin.named[name]
    let types = arguments.map { "`\(substitution.apply($0.type, isFinal: true))`" }
    let display = builtin?.displayName ?? name
    let list =
      types.count > 1 ? types.dropLast().joined(separator: ", ") + " and " + types[types.count - 1] : types.first
    let message =
      builtin == .equal || builtin == .notEqual
      ? "\(list ?? "") can't be compared with `\(display)`"
      : "`\(display)` does not take \(list ?? "no arguments")"
    let (help, fixes) = comparedText(builtin, arguments) ?? comparedEnum(builtin, arguments) ?? mixedNumbers(arguments)
    let isOperator = builtin?.isOperator ?? false
    let candidates = signatures.filter { !isOperator || fits($0, arguments) }.prefix(8).map { "`\($0)`" }
    report(
      "F204", message: message, at: isOperator ? range : nameRange,
      notes: candidates.isEmpty || isOperator && help != nil ? [] : ["it takes \(candidates.joined(separator: ", "))"],
      help: help, fixes: fixes)
    return TypedExpression(range, .error, .failure(message))
  }

  /// True when at least one argument has a type that an overload accepts.
  private func fits(_ signature: Signature, _ arguments: [TypedExpression]) -> Bool {
    zip(signature.parameters, arguments).contains { $0 == substitution.apply($1.type) }
  }

  /// For a comparison of a text with a number: the text becomes a number, not the number a text. It may fail, so the
  /// fix is not safe.
  private func comparedText(_ builtin: Builtin?, _ arguments: [TypedExpression]) -> (String?, [Fix])? {
    let comparisons: [Builtin] = [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual]
    guard let builtin, comparisons.contains(builtin), arguments.count == 2 else { return nil }
    let types = arguments.map { substitution.apply($0.type, isFinal: true) }
    let numbers: [ValueType] = [.int, .uint, .double]
    let text: Int
    if types[0] == .string, numbers.contains(types[1]) {
      text = 0
    } else if types[1] == .string, numbers.contains(types[0]) {
      text = 1
    } else {
      return nil
    }
    let (range, target) = (arguments[text].range, types[1 - text])
    let edits = [
      Fix.Edit(SourceRange(range.lower, range.lower), "\(target)("),
      Fix.Edit(SourceRange(range.upper, range.upper), ")"),
    ]
    return (
      "texts are not numbers: write `\(target)(...)` around the \(text == 0 ? "left" : "right") side",
      [Fix("convert the text to \(target)", .maybe, edits)]
    )
  }

  /// The conversion of an int that is combined with a double.
  private func mixedNumbers(_ arguments: [TypedExpression]) -> (String?, [Fix]) {
    guard arguments.count == 2 else { return (nil, []) }
    let types = arguments.map { substitution.apply($0.type, isFinal: true) }
    let target: ValueType
    let changed: Int
    switch (types[0], types[1]) {
    case (.int, .double), (.uint, .double): (target, changed) = (.double, 0)
    case (.double, .int), (.double, .uint): (target, changed) = (.double, 1)
    case (.uint, .int): (target, changed) = (.int, 0)
    case (.int, .uint): (target, changed) = (.int, 1)
    case (.string, let other) where other.isPrintable: (target, changed) = (.string, 1)
    case (let other, .string) where other.isPrintable: (target, changed) = (.string, 0)
    case (.optional(let inner), types[1]) where inner == types[1]:
      return ("the left side may be absent: write `.orValue(...)` behind it", [])
    case (types[0], .optional(let inner)) where inner == types[0]:
      return ("the right side may be absent: write `.orValue(...)` behind it", [])
    default: return (nil, [])
    }
    let range = arguments[changed].range
    if let constant = arguments[changed].constant, case .int(let value) = constant, target == .double {
      return (
        "numbers are not converted by themselves: write `\(value).0`",
        [Fix("write `\(value).0`", .safe, [Fix.Edit(range, "\(value).0")])]
      )
    }
    let edits = [
      Fix.Edit(SourceRange(range.lower, range.lower), "\(target)("),
      Fix.Edit(SourceRange(range.upper, range.upper), ")"),
    ]
    let side = changed == 0 ? "left" : "right"
    return (
      "\(target == .string ? "values" : "numbers") are not converted by themselves: "
        + "write `\(target)(...)` around the \(side) side",
      [Fix("convert the \(side) side to \(target)", .safe, edits)]
    )
  }
}

extension ValueType {
  /// True when `string(...)` accepts it.
  fileprivate var isPrintable: Bool {
    switch self {
    case .bool, .int, .uint, .double, .timestamp, .duration, .enumeration: true
    default: false
    }
  }
}

/// `1 argument`, `2 arguments`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
