import CEL
import FlowSource
import FlowSyntax

extension Declarations {
  /// Functions that would read a clock, a random source or the process, with the replacement to suggest.
  private static let impure = [
    "env": "use it in the binding of an action", "getenv": "use it in the binding of an action",
    "now": "write `now`, the instant recorded with the event", "today": "write `now`, the instant of the event",
    "random": "generate it in an action and store the result", "rand": "generate it in an action and store the result",
    "uuid": "generate it in an action and store the result",
  ]

  /// F212: an expression reads nothing that a replay could not read again. F213: it only computes.
  func misplacedCalls(in expression: Expression) -> [Diagnostic] {
    var found: [Diagnostic] = []
    expression.forEachCalledName { if let problem = misplacedCall(of: $0) { found.append(problem) } }
    return found
  }

  private func misplacedCall(of field: Expression.Field) -> Diagnostic? {
    if symbols.actionIndices[field.name] != nil || symbols.flowIndices[field.name] != nil {
      return Diagnostic(
        "F213", "`\(field.name)` can't be called in an expression", at: field.range, label: "has effects",
        help: "call it in `do`, or with `call` in a state")
    }
    guard let help = Declarations.impure[field.name],
      !symbols.functions.contains(where: { $0.name.text == field.name })
    else { return nil }
    return Diagnostic(
      "F212", "`\(field.name)()` can't be used here", at: field.range, label: "not deterministic",
      notes: ["a step must give the same result when it is replayed"], help: help)
  }

  /// The diagnostics of an expression, with those of the texts in it.
  func problems(of expression: Expression, _ found: [Diagnostic], in scope: Environment) -> [Diagnostic] {
    problems(of: expression, found) + interpolations(in: expression, scope)
  }

  /// The diagnostics of an expression; a misplaced call is reported once.
  func problems(of expression: Expression, _ found: [Diagnostic]) -> [Diagnostic] {
    let misplaced = misplacedCalls(in: expression)
    let found = found.map { computedMember(at: $0, in: expression) ?? $0 }
    guard !misplaced.isEmpty else { return found }
    return misplaced
      + found.filter { problem in
        !misplaced.contains { problem.range.lower <= $0.range.lower && $0.range.upper <= problem.range.upper }
      }
  }
}
