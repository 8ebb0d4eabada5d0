import CEL
import FlowJSON
import FlowSource

/// Runs cases of the suite and compares.
struct ConformanceRunner {
  /// Checks types before running, unless the case disables it.
  let isChecked: Bool
  private let weak: TypeRegistry
  private let strong: TypeRegistry

  init(isChecked: Bool = true) {
    self.isChecked = isChecked
    weak = Messages.registry(hasStrongEnums: false)
    strong = Messages.registry(hasStrongEnums: true)
  }

  /// The failure of a case; nil when it passed.
  func failure(of test: Case) -> String? {
    let types = test.section.hasPrefix("strong") ? strong : weak
    let notation = Notation(types: types)
    let outcome = outcome(of: test, notation)
    guard let expected = test.json["expect"] else { return "nothing is expected" }
    if expected["error"] != nil {
      guard case .value(let value, _) = outcome else { return nil }
      return "expected an error, found \(text(value))"
    }
    if let result = expected["typed_result"] { return typedFailure(outcome, expected: result, notation: notation) }
    guard let value = expected["value"] else { return "nothing is expected" }
    return valueFailure(outcome, expected: value, notation: notation)
  }

  private enum Outcome {
    case error(String)
    case value(Value?, ValueType)
  }

  private func typedFailure(_ outcome: Outcome, expected: JSON, notation: Notation) -> String? {
    if let value = expected["value"], let failure = valueFailure(outcome, expected: value, notation: notation) {
      return failure
    }
    guard isChecked, let json = expected["deduced_type"], let wanted = notation.type(json) else { return nil }
    switch outcome {
    case .error(let message): return message
    case .value(_, let found): return found == wanted ? nil : "expected type \(wanted), found \(found)"
    }
  }

  private func valueFailure(_ outcome: Outcome, expected: JSON, notation: Notation) -> String? {
    guard let wanted = notation.value(expected) else { return "this runner can't read what is expected" }
    switch outcome {
    case .error(let message): return "expected \(text(wanted)), found the error: \(message)"
    case .value(let found, _):
      // Converted to a slot and back, so that both have the representation of assigned fields.
      let evaluator = Evaluator(types: notation.types)
      let normal = evaluator.value(evaluator.slot(wanted))
      return found == normal ? nil : "expected \(text(normal)), found \(text(found))"
    }
  }

  private func text(_ value: Value?) -> String { value?.encoding.text() ?? "nothing" }

  // MARK: Running

  private func outcome(of test: Case, _ notation: Notation) -> Outcome {
    let (expression, mistakes) = parse(test.expression)
    if let mistake = mistakes.first { return .error("parser: \(mistake.message)") }
    var environment = Environment(types: notation.types, container: test.json["container"]?.string ?? "")
    environment.reportsConstantFaults = false
    declare(test, notation, in: &environment)
    let typed: TypedExpression
    var type = ValueType.dyn
    if !isChecked || test.json["disable_check"]?.bool == true {
      typed = environment.resolve(expression)
    } else {
      let result = environment.check(expression)
      guard let checked = result.expression else { return .error("checker: \(result.diagnostics[0].message)") }
      typed = checked
      type = result.type
    }
    if test.json["check_only"]?.bool == true { return .value(nil, type) }
    return run(typed, as: type, test: test, notation: notation, environment: environment)
  }

  private func declare(_ test: Case, _ notation: Notation, in environment: inout Environment) {
    for entry in test.json["type_env"]?.array ?? [] {
      guard let name = entry["name"]?.string else { continue }
      if let type = entry["ident"].flatMap(notation.type) { environment.declare(variable: name, type: type) }
      for overload in entry["function"]?.array ?? [] {
        let parameters = (overload["params"]?.array ?? []).compactMap(notation.type)
        guard let result = overload["result"].flatMap(notation.type) else { continue }
        let isMember = overload["instance"]?.bool ?? false
        environment.declare(Signature(name, isMember: isMember, parameters: parameters, result: result))
      }
    }
    let known = Set(environment.variableTypes.map(\.name))
    for member in test.json["bindings"]?.members ?? [] where !known.contains(member.name) {
      environment.declare(variable: member.name, type: .dyn)
    }
  }

  private func run(
    _ typed: TypedExpression, as type: ValueType, test: Case, notation: Notation, environment: Environment
  ) -> Outcome {
    do {
      // Converted to its stored form and back, so that the stored form is tested as well.
      let stored = try TypedExpression(json: JSON(parsing: typed.json.text()))
      let program = try ExpressionProgram(stored, types: environment.types)
      let evaluator = Evaluator(types: environment.types)
      var frame = [Slot](repeating: .unset, count: max(1, environment.frameCount))
      for member in test.json["bindings"]?.members ?? [] {
        guard let value = notation.value(member.value) else { return .error("a binding can't be read") }
        guard let slot = environment.slot(of: member.name) else { continue }
        frame[slot] = evaluator.slot(value)
      }
      return .value(evaluator.value(try evaluator.evaluate(program, frame: frame)), type)
    } catch {
      return .error("\(error)")
    }
  }
}
