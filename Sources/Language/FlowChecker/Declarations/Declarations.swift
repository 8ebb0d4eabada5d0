import CEL
import FlowSource
import FlowSyntax

/// The declared types, and the base environment of all expressions.
struct Declarations {
  var records: [RecordDeclaration] = []
  var enums: [EnumDeclaration] = []
  var events: [CheckedEvent] = []
  /// Types, enums and constants declared; no variables.
  var environment = Environment()
  let symbols: Symbols

  init(_ symbols: Symbols, into problems: inout [Diagnostic]) {
    self.symbols = symbols
    for node in symbols.enums {
      let values = node.values.enumerated().map { (name: $1.text, number: Int64($0)) }
      let declaration = EnumDeclaration(node.name.text, values: values, isStrong: true)
      enums.append(declaration)
      environment.types.declare(declaration)
    }
    checkContainment(into: &problems)
    // First without defaults, because the default of one type may use another type.
    for node in symbols.types {
      environment.types.declare(record(node.name.text, fields: node.fields, environment: nil, problems: &problems))
    }
    for declaration in BuiltInRecords.all + [BuiltInRecords.itemFailure] { environment.types.declare(declaration) }
    declareInOrder(into: &problems)
  }

  /// Everything that can be called, by its name.
  mutating func callees(_ actions: [CheckedAction], into problems: inout [Diagnostic]) -> [String: Callee] {
    var found: [String: Callee] = [:]
    for (index, action) in actions.enumerated() { found[action.node.name.text] = Callee(action, index: index) }
    for (index, flow) in symbols.flows.enumerated() {
      guard let parameters = flow.parameters else { continue }
      let fields = record(flow.name.text, fields: parameters, environment: environment, problems: &problems).fields
      let result = flow.result.map { resolveBounded($0, into: &problems) }
      var callee = Callee(flow, index: index, parameters: fields, result: result?.type)
      callee.resultMaximum = result?.maximum
      callee.optional = Set(parameters.filter { $0.defaultValue != nil || $0.type.isOptional }.map(\.name.text))
      found[flow.name.text] = callee
    }
    for callee in found.values {
      for shape in ResultShape.allCases { environment.types.declare(shape.record(callee)) }
    }
    return found
  }

  // MARK: - Fields

  /// A record of the declared fields. Without an environment their defaults are omitted.
  func record(
    _ name: String, fields: [FieldNode], environment: Environment?, problems: inout [Diagnostic]
  ) -> RecordDeclaration {
    var declared: [FieldDeclaration] = []
    var seen: [String: SourceRange] = [:]
    for field in fields where !field.name.isMissing {
      if let first = seen[field.name.text] {
        problems.append(
          Diagnostic(
            "F103", "there are two fields named `\(field.name.text)`", at: field.name.range, label: "declared again",
            labels: [.init(first, "first declared here")]))
        continue
      }
      seen[field.name.text] = field.name.range
      let (type, maximum) = resolveBounded(field.type, into: &problems)
      let value = environment.flatMap { defaultValue(of: field, type, $0, into: &problems) }
      if let expression = field.defaultValue, let excess = maximum.flatMap({ value?.excess(over: $0) }) {
        problems.append(tooLarge(excess, for: field.name.text, at: expression.range))
      }
      declared.append(FieldDeclaration(field.name.text, type, defaultValue: value, maximum: maximum))
    }
    return RecordDeclaration(name, declared)
  }

  private func defaultValue(
    of field: FieldNode, _ type: ValueType, _ environment: Environment, into problems: inout [Diagnostic]
  ) -> Value? {
    guard let expression = field.defaultValue else { return nil }
    let checked = environment.check(expression, expecting: type)
    problems += checked.diagnostics
    guard let tree = checked.expression, checked.type != .error, !checked.diagnostics.hasErrors else { return nil }
    guard let value = tree.constant ?? folded(tree) else {
      problems.append(
        Diagnostic(
          "F212", "the default of `\(field.name.text)` is not constant", at: expression.range,
          label: "depends on values that are not known at compile time"))
      return nil
    }
    return value
  }

  /// The value of an expression without free names, such as a list of constants.
  private func folded(_ tree: TypedExpression) -> Value? {
    guard tree.usedSlots.isEmpty, let code = try? ExpressionProgram(tree, types: environment.types) else {
      return nil
    }
    let evaluator = Evaluator(types: environment.types)
    guard let slot = try? evaluator.evaluate(code, frame: Frame(count: 0)) else { return nil }
    return evaluator.value(slot, as: tree.type)
  }

  // MARK: - Types

  static let simpleTypes: [String: ValueType] = [
    "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string, "bytes": .bytes,
    "timestamp": .timestamp, "duration": .duration, "dyn": .dyn,
  ]

  /// The type of a field or a result, with its `max`. F201: only some types have a size.
  func resolveBounded(
    _ node: TypeReferenceNode, into problems: inout [Diagnostic]
  ) -> (type: ValueType, maximum: Int?) {
    var plain = node
    plain.maximum = nil
    let type = resolve(plain, into: &problems)
    guard let maximum = node.maximum, type != .error else { return (type, nil) }
    guard SizeBound.isPossible(for: type) else {
      problems.append(
        Diagnostic(
          "F201", "`max` bounds a list, a map, a string or bytes, not `\(type)`", at: node.range,
          label: "has no size", help: "remove `max \(maximum)`"))
      return (type, nil)
    }
    return (type, max(maximum, 0))
  }

  /// The type that a reference names; `error` for an unknown name, which is reported. F201: a `max` inside of another
  /// type.
  func resolve(_ node: TypeReferenceNode, into problems: inout [Diagnostic]) -> ValueType {
    guard !node.name.isMissing else { return .error }
    if let maximum = node.maximum {
      problems.append(
        Diagnostic(
          "F201", "`max` belongs to a field or to a result as a whole", at: node.range, label: "not possible here",
          help: "remove `max \(maximum)`, or use a record with a bounded field"))
    }
    var arguments: [ValueType] = []
    for argument in node.arguments { arguments.append(resolve(argument, into: &problems)) }
    let type = named(node, arguments, into: &problems)
    return node.isOptional && type != .error ? .optional(type) : type
  }

  private func named(
    _ node: TypeReferenceNode, _ arguments: [ValueType], into problems: inout [Diagnostic]
  ) -> ValueType {
    let name = node.name.text
    let wanted = name == "list" ? 1 : name == "map" ? 2 : 0
    if name == "list" || name == "map" || Declarations.simpleTypes[name] != nil, arguments.count != wanted {
      problems.append(
        Diagnostic(
          "F201", "`\(name)` takes \(["no types", "one type", "two types"][wanted]) in `<>`", at: node.range,
          label: "has \(arguments.count)",
          help: wanted == 1 ? "write `list<string>`" : wanted == 2 ? "write `map<string, int>`" : nil))
      return .error
    }
    if name == "list" { return .list(arguments[0]) }
    if name == "map" { return .map(arguments[0], arguments[1]) }
    if let simple = Declarations.simpleTypes[name] { return simple }
    if symbols.typeNames.contains(name) { return .record(name) }
    if symbols.enumNames.contains(name) { return .enumeration(name) }
    let known =
      Array(Declarations.simpleTypes.keys) + ["list", "map"] + symbols.types.map(\.name.text)
      + symbols.enums.map(\.name.text)
    problems.append(
      unknown(
        "type", named: name, code: "F106", at: node.name.range, candidates: known,
        others: [("an event", symbols.events.map(\.name.text)), ("a flow", symbols.flows.map(\.name.text))]))
    return .error
  }
}

/// F201: a value exceeds the bound of its field.
func tooLarge(_ excess: SizeExcess, for field: String, at range: SourceRange) -> Diagnostic {
  Diagnostic("F201", "`\(field)` holds \(excess)", at: range, label: "too large")
}

/// The built-in records.
enum BuiltInRecords {
  /// Those of all programs.
  static let all = [selfRecord, caller, failure]

  static let selfRecord = RecordDeclaration(
    "flow.Self",
    [
      FieldDeclaration("id", .string), FieldDeclaration("state", .string),
      FieldDeclaration("started_at", .timestamp),
    ])
  static let caller = RecordDeclaration(
    "flow.Caller",
    [FieldDeclaration("id", .string), FieldDeclaration("roles", .list(.string))])
  static let failure = RecordDeclaration(
    "flow.Failure",
    [
      FieldDeclaration("code", .string), FieldDeclaration("message", .string),
      FieldDeclaration("attempts", .int), FieldDeclaration("call", .string),
    ])
  /// Of programs with a reaction to the failure of an item.
  static let itemFailure = RecordDeclaration(
    "flow.ItemFailure",
    [
      FieldDeclaration("index", .int), FieldDeclaration("code", .string), FieldDeclaration("message", .string),
      FieldDeclaration("attempts", .int),
    ])
}
