import FlowIR
import FlowJSON

/// The consequence of an attempt for its job.
enum RetryDecision {
  case done(JSON)
  /// Retry after at least this number of milliseconds.
  case retry(Int64)
  /// No attempt was made; retry after this number of milliseconds.
  case postpone(Int64)
  case dead(code: String, message: String)

  /// - Parameter attempt: The number of attempts, including this one.
  init(_ outcome: JobOutcome, action: Action, policy: Policy, attempt: Int) {
    let code: String
    let text: String
    var isTransient = true
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
    case .reply(let number, let replier, let transient, let message):
      isTransient = transient
      let name = "\(replier.rawValue)_\(number)"
      code =
        RetryDecision.rule(for: number, policy)
        ?? (transient && replier == .mail ? RetryDecision.unavailable(action) : nil) ?? name
      text = message
    case .unreachable(let message): (code, text) = (RetryDecision.unavailable(action) ?? "UNREACHABLE", message)
    case .status(let status, let message, let retryAfter):
      isTransient = 500...599 ~= status || [408, 425, 429].contains(status)
      code = RetryDecision.code(of: status, action, policy: policy, isTransient: isTransient)
      text = "status \(status)" + (message.isEmpty ? "" : ": \(message)")
      least = retryAfter ?? 0
    }
    let mayRetry = policy.isRetried(code, isTransient: isTransient)
    let hasAttemptsLeft = policy.retries.map { attempt <= $0 } ?? true
    self = mayRetry && hasAttemptsLeft ? .retry(least) : .dead(code: code, message: text)
  }

  /// The code that the binding assigns to a status, or else the one for an unavailable callee when the failure is
  /// transient.
  private static func code(of status: Int, _ action: Action, policy: Policy, isTransient: Bool) -> String {
    rule(for: status, policy) ?? (isTransient ? unavailable(action) : nil) ?? "HTTP_\(status)"
  }

  private static func rule(for status: Int, _ policy: Policy) -> String? {
    policy.statuses.first { $0.lowest...$0.highest ~= status }?.code
  }

  private static func unavailable(_ action: Action) -> String? {
    action.failures.contains("UNAVAILABLE") ? "UNAVAILABLE" : nil
  }
}
