import FlowIR
import FlowMachine

// The failures that a test reports: each is the outcome of the last attempt.
extension TestScene {
  /// The final failure of a call with a code.
  /// - Throws: When the policy of the call retries this code indefinitely.
  func failure(_ code: String, of work: VirtualSystem.Work, message: String) throws(Mismatch) -> CallOutcome {
    guard let attempts = attempts(of: work, failingWith: code) else {
      throw Mismatch(
        message: "`\(stepper.machine.name(of: work.job.target))` is retried until it does not fail with `\(code)`",
        details: "its policy is `retry forever`: complete it, or advance the clock")
    }
    return .failed(code: code, message: message, attempts: attempts)
  }

  /// The number of attempts after which a failure with a code is final; nil when it never is.
  private func attempts(of work: VirtualSystem.Work, failingWith code: String) -> Int? {
    guard case .action(let index) = work.job.target else { return 1 }
    let action = program.actions[index]
    let policy = work.job.call.map { program.flows[work.owner.flow].calls[$0].policy } ?? action.policy
    guard policy.isRetried(code, isTransient: isTransient(code, of: action, policy)) else { return 1 }
    return policy.retries.map { $0 + 1 }
  }

  /// Returns true for a failure that is retried if the policy names no codes, as in the tables of `Docs/actions.md`.
  private func isTransient(_ code: String, of action: Action, _ policy: Policy) -> Bool {
    if ["UNREACHABLE", "UNAVAILABLE", "TIMEOUT"].contains(code) { return true }
    let isTransientStatus = { (status: Int) in 500...599 ~= status || [408, 425, 429].contains(status) }
    switch action.binding {
    // Every failure that a worker reports is retried.
    case .worker: return true
    case .http:
      if code.hasPrefix("HTTP_"), let status = Int(code.dropFirst(5)) { return isTransientStatus(status) }
      return policy.statuses.contains { rule in
        rule.code == code && (rule.lowest...rule.highest).contains(where: isTransientStatus)
      }
    case .log, .other: return false
    }
  }
}
