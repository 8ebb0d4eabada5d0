import CEL
import FlowSource
import FlowSyntax

// Decision tables. Their rows are compared as the guards of reactions are.
extension Declarations {
  private struct CheckedRow {
    /// Nil for `always`.
    var condition: TypedExpression?
    var value: TypedExpression
    var range: SourceRange
  }

  /// Checks the rows of a function.
  /// - Parameters:
  ///   - scope: The names in the rows, with the parameters in the first slots.
  ///   - result: The type of the values.
  /// - Returns: True without errors.
  func checkTable(
    of node: FunctionNode, _ scope: Environment, result: ValueType, into problems: inout [Diagnostic]
  ) -> Bool {
    var found: [Diagnostic] = []
    let rows = node.rows.compactMap { row($0, scope, result: result, into: &found) }
    // Without the value of a part that has an error nothing can be claimed.
    if !found.hasErrors, rows.count == node.rows.count, rows.allSatisfy({ $0.condition?.type != .error }) {
      let logic = GuardLogic(types: scope.types)
      checkConditions(of: rows, parameterCount: node.parameters.count, logic, into: &found)
      checkShadowing(of: rows, logic, into: &found)
      checkOverlaps(of: rows, logic, into: &found)
      checkGap(of: rows, in: node, logic, into: &found)
    }
    problems += found
    return !found.hasErrors
  }

  private func row(
    _ node: TableRowNode, _ scope: Environment, result: ValueType, into problems: inout [Diagnostic]
  ) -> CheckedRow? {
    var condition: TypedExpression?
    if let expression = node.condition {
      let checked = scope.check(expression)
      problems += self.problems(of: expression, checked.diagnostics, in: scope)
      condition = checked.expression
      if ![.bool, .dyn, .error].contains(checked.type) {
        problems.append(
          Diagnostic(
            "F202", "the condition of a row must be a `bool`", at: expression.range,
            label: "this is `\(checked.type)`", help: "compare it with a value"))
      }
    }
    let checked = scope.check(node.value, expecting: result)
    problems += self.problems(of: node.value, checked.diagnostics, in: scope)
    guard let value = checked.expression, (condition == nil) == (node.condition == nil) else { return nil }
    return CheckedRow(condition: condition, value: value, range: node.range)
  }

  /// F401, F405: conditions that depend on nothing.
  private func checkConditions(
    of rows: [CheckedRow], parameterCount: Int, _ logic: GuardLogic, into problems: inout [Diagnostic]
  ) {
    for condition in rows.compactMap(\.condition) {
      let certainty = logic.certainty(of: condition, safeSlots: 0..<parameterCount)
      if certainty == .never {
        problems.append(
          Diagnostic(
            "F401", "this row never applies: its condition is always false", at: condition.range,
            label: "never true", help: "remove the row, or change its condition"))
      } else if certainty == .always {
        problems.append(
          Diagnostic(
            "F405", .warning, "this condition is always true", at: condition.range, label: "has no effect",
            help: "begin the row with `always`"))
      }
    }
  }

  /// F401, F402: a row after others that cover all its cases never applies.
  private func checkShadowing(of rows: [CheckedRow], _ logic: GuardLogic, into problems: inout [Diagnostic]) {
    for (index, row) in rows.enumerated().dropFirst() {
      let earlier = rows[..<index]
      if let condition = row.condition, logic.isNeverTrue(condition) { continue }
      guard logic.isCovered(row.condition, by: earlier.map(\.condition)) else { continue }
      let twin = earlier.first { other in
        row.condition != nil && other.condition != nil && logic.isCovered(row.condition, by: [other.condition])
          && logic.isCovered(other.condition, by: [row.condition])
      }
      let note = "the rows of a table are tried from top to bottom"
      if let twin {
        problems.append(
          Diagnostic(
            "F402", "two rows have the same condition", at: row.range, label: "never tried",
            labels: [.init(twin.range, "takes precedence")], help: "change one of the conditions, or remove one row"))
      } else if let always = earlier.first(where: { $0.condition == nil }) {
        problems.append(
          Diagnostic(
            "F401", "this row never applies: an earlier one always takes precedence", at: row.range,
            label: "never tried", labels: [.init(always.range, "applies in all other cases")], notes: [note],
            help: "move the row with `always` last"))
      } else {
        problems.append(
          Diagnostic(
            "F401", "this row never applies: the rows before it cover all its cases", at: row.range,
            label: "never tried", labels: earlier.prefix(3).map { .init($0.range, "tried before") }, notes: [note],
            help: row.condition == nil ? "remove the row" : "move it up, or change its condition"))
      }
    }
  }

  /// F403: two rows with different values that may both apply, neither of which is a special case of the other.
  private func checkOverlaps(of rows: [CheckedRow], _ logic: GuardLogic, into problems: inout [Diagnostic]) {
    guard rows.count <= 16 else { return }
    for (index, second) in rows.enumerated() {
      guard let right = second.condition else { continue }
      for first in rows[..<index] {
        guard let left = first.condition, logic.reader.key(first.value) != logic.reader.key(second.value),
          !logic.isCovered(left, by: [right]), !logic.isCovered(right, by: [left]),
          let witness = logic.witness([left, right], all: true)
        else { continue }
        problems.append(
          Diagnostic(
            "F403", .info, "both conditions hold when \(witness)", at: second.range, label: "tried second",
            labels: [.init(first.range, "tried first, takes precedence")],
            help: "make the conditions mutually exclusive if the order should not decide"))
      }
    }
  }

  /// F413: without `always`, the rows must cover every case.
  private func checkGap(
    of rows: [CheckedRow], in node: FunctionNode, _ logic: GuardLogic, into problems: inout [Diagnostic]
  ) {
    let conditions = rows.compactMap(\.condition)
    guard let last = rows.last, conditions.count == rows.count else { return }
    let coverage = logic.coverage(of: nil, by: conditions)
    guard coverage != .complete else { return }
    let gap = logic.witness(conditions, all: false)
    let other =
      coverage == .unknown
      ? "the rows of `\(node.name.text)` are too many to prove that they cover every case"
      : "the rows of `\(node.name.text)` may leave a case"
    problems.append(
      Diagnostic(
        "F413", gap.map { "no row of `\(node.name.text)` applies when \($0)" } ?? other, at: last.range,
        label: "the last row", help: "add a row `always -> …`, or one for the remaining case"))
  }
}
