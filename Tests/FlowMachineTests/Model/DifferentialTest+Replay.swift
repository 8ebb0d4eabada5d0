import FlowJSON
import FlowMachine

extension DifferentialTest {
  /// Performs a step twice: from the instance, and from the instance restored from its two documents.
  /// - Throws: `Difference` if the results are not identical in every byte.
  func step(_ input: Input) throws -> Outcome {
    guard let instance else { throw Difference(after: "nothing", model: Picture(), interpreter: Picture()) }
    let outcome = stepper.step(instance, input, now: now)
    let again = stepper.step(try restored(instance, machine, stepper), input, now: now)
    guard isSame(outcome, again, machine) else {
      throw Difference(
        after: "\(input)", model: Picture(), interpreter: Picture(),
        note: "restored:\n\(trace(again, machine))\nnot restored:\n\(trace(outcome, machine))")
    }
    return outcome
  }
}

/// The instance restored from the bytes of its documents.
func restored(_ instance: Instance, _ machine: Machine, _ stepper: Stepper) throws -> Instance {
  let header = InstanceHeader(
    flow: instance.flow, key: instance.key, status: instance.status, revision: instance.revision,
    startedAt: instance.startedAt)
  return try stepper.restore(
    header, position: JSON(parsing: instance.positionJSON(in: machine).bytes()),
    data: JSON(parsing: instance.dataJSON(in: machine).bytes()))
}

/// Whether two steps are equal, with identical documents.
func isSame(_ one: Outcome, _ other: Outcome, _ machine: Machine) -> Bool {
  guard case .accepted(let first) = one, case .accepted(let second) = other else {
    return trace(one, machine) == trace(other, machine)
  }
  return first.disposition == second.disposition && first.next.status == second.next.status
    && first.next.revision == second.next.revision && first.from == second.from && first.to == second.to
    && first.changedFields == second.changedFields && first.transitions == second.transitions
    && first.refused.map(\.refusal.message) == second.refused.map(\.refusal.message)
    && first.effects == second.effects && first.result == second.result
    && first.next.positionJSON(in: machine).bytes() == second.next.positionJSON(in: machine).bytes()
    && first.next.dataJSON(in: machine).bytes() == second.next.dataJSON(in: machine).bytes()
}

/// The complete result of a step as text.
func trace(_ outcome: Outcome, _ machine: Machine) -> String {
  switch outcome {
  case .refused(let refusal): return "\(refusal.code) \(refusal.message) \(refusal.states) \(refusal.accepted)"
  case .accepted(let step):
    let next = step.next
    return """
      \(step.disposition) \(next.status) \(next.revision) \(next.startedAt) \(step.from) \(step.to)
      \(next.positionJSON(in: machine).text())
      \(next.dataJSON(in: machine).text())
      \(step.changedFields) \(step.transitions) \(String(describing: step.result))
      \(step.effects.map { "\($0)" }.joined(separator: "\n"))
      """
  }
}
