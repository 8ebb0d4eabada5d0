import FlowIR
import FlowJSON

/// What a try means for its job.
enum RetryDecision {
  case done(JSON)
  /// Not before so many milliseconds.
  case retry(Int64)
  /// Not a try; another one after so many milliseconds.
  case postpone(Int64)
  case dead(code: String, message: String)

  /// - Parameter attempt: How many tries there were, this one included.
  init(_ outcome: JobOutcome, action: Action, policy: Policy, attempt: Int) {
    let code: String
    let text: String
    var isPassing = true
    var least: Int64 = 0
    switch outcome {
    case .done(let json):
      self = .done(json)
      return
    case .impossible(let given, let message):
      self = .dead(code: given, message: message)
      return
    case .postponed(let milliseconds):
      self = .postpone(milliseconds)
      return
    case .failed(let given, let message): (code, text) = (given, message)
    case .reply(let number, let replier, let passing, let message):
      isPassing = passing
      let name = "\(replier.rawValue)_\(number)"
      code =
        RetryDecision.rule(for: number, policy)
        ?? (passing && replier == .mail ? RetryDecision.unavailable(action) : nil) ?? name
      text = message
    case .unreachable(let message): (code, text) = (RetryDecision.unavailable(action) ?? "UNREACHABLE", message)
    case .status(let status, let message, let retryAfter):
      isPassing = status >= 500 || [408, 425, 429].contains(status)
      code = RetryDecision.code(of: status, action, policy, isPassing)
      text = "status \(status)" + (message.isEmpty ? "" : ": \(message)")
      least = retryAfter ?? 0
    }
    let isWorthIt = policy.retryOnly.isEmpty ? isPassing : policy.retryOnly.contains(code)
    let hasTriesLeft = policy.retries.map { attempt <= $0 } ?? true
    self = isWorthIt && hasTriesLeft ? .retry(least) : .dead(code: code, message: text)
  }

  /// What the binding says a status means; else that the callee is not available, for those that may pass.
  private static func code(of status: Int, _ action: Action, _ policy: Policy, _ isPassing: Bool) -> String {
    rule(for: status, policy) ?? (isPassing ? unavailable(action) : nil) ?? "HTTP_\(status)"
  }

  private static func rule(for status: Int, _ policy: Policy) -> String? {
    policy.statuses.first { $0.lowest...$0.highest ~= status }?.code
  }

  private static func unavailable(_ action: Action) -> String? {
    action.failures.contains("UNAVAILABLE") ? "UNAVAILABLE" : nil
  }
}
