import FlowIR
import FlowMachine

/// A fault that a run has found.
struct SimulatedProblem {
  /// The identity of the fault: the same in other runs with the same fault.
  var kind: String
  var name: String
  var message: String
  /// The expectation of the generated test, after the inputs.
  var expectation: String

  init(kind: String, name: String, message: String, expectation: String) {
    self.kind = kind
    self.name = name
    self.message = message
    self.expectation = expectation
  }

  /// The fault of the flow that a refusal reports; nil for a regular rejection of an event.
  init?(_ refusal: Refusal, expectation: String) {
    self.expectation = expectation
    message = refusal.message
    switch refusal.reason {
    case .failed(let cause, let location):
      kind = "failed \(location)"
      name = "fails at \(location.line)"
      message = "\(location): \(cause)"
    case .invariant(let text, _):
      kind = "invariant \(text)"
      name = "would break the invariant"
    case .raised(let event, _):
      kind = "raised \(event)"
      name = "raises an event that no state handles"
    case .tooManyMicrosteps:
      kind = "endless"
      name = "runs without end"
    default: return nil
    }
  }

  /// An instance that no input can change.
  /// - Parameter instance: Its name; nil for the only one.
  init(stuck paths: [String], instance: String?) {
    let names = paths.map { "`\($0)`" }.joined(separator: " and ")
    let subject = instance.map { $0 + " " } ?? ""
    self.init(
      kind: "stuck \(paths)", name: "is stuck in \(paths.joined(separator: " and "))",
      message: "no event, timer or result can ever leave \(names)",
      expectation: "expect \(subject)state \(paths.joined(separator: ", "))")
  }
}
