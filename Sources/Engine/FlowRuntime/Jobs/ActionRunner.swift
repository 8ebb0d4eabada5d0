public import FlowJSON
public import FlowMachine

/// A job on its way out: plain data for a runner.
public struct JobRequest: Sendable {
  public var action: BoundAction
  public var timeoutMilliseconds: Int64
  /// The same for every try of a job, for ever.
  public var idempotencyKey: String
  /// From 1.
  public var attempt: Int
  /// What the request is signed with.
  public var signingSecret: String?
  /// What must not be seen in an error or a log line.
  public var secrets: [Secret]

  public init(
    action: BoundAction, timeoutMilliseconds: Int64, idempotencyKey: String, attempt: Int,
    signingSecret: String? = nil, secrets: [Secret] = []
  ) {
    self.action = action
    self.timeoutMilliseconds = timeoutMilliseconds
    self.idempotencyKey = idempotencyKey
    self.attempt = attempt
    self.signingSecret = signingSecret
    self.secrets = secrets
  }
}

/// What a try came to.
public enum JobOutcome: Sendable {
  /// The work is done; what it gave.
  case done(JSON)
  /// An answer with a status that is not 2xx.
  case status(Int, message: String, retryAfterMilliseconds: Int64?)
  /// The number that a mail server or a program ended with, where that is a failure.
  case reply(Int, of: Replier, isPassing: Bool, message: String)
  /// No answer at all: refused, timed out, cut off.
  case unreachable(String)
  /// A failure that says its own code, from an outside worker.
  case failed(code: String, message: String)
  /// A failure that would come again however often it is tried.
  case impossible(code: String, message: String)
  /// Nothing was tried, and it is not to be tried for so many milliseconds; this does not count as a try.
  case postponed(Int64)

  /// Who ends with a number, as the code of a failure names it.
  public enum Replier: String, Sendable {
    case mail = "SMTP"
    case program = "EXIT"
  }
}

extension JobOutcome {
  /// What a try came to, for people.
  func text(atMost limit: Int) -> String {
    let whole =
      switch self {
      case .done: "done"
      case .status(let status, let message, _): message.isEmpty ? "status \(status)" : "status \(status): \(message)"
      case .reply(let number, let replier, _, let message): "\(replier.rawValue)_\(number): \(message)"
      case .postponed(let milliseconds): "put off for \(milliseconds) ms"
      case .unreachable(let message): message
      case .failed(let code, let message), .impossible(let code, let message):
        message.isEmpty ? code : "\(code): \(message)"
      }
    return String(decoding: whole.utf8.prefix(limit), as: UTF8.self)
  }
}

/// Carries jobs out.
public protocol ActionRunner: Sendable {
  /// Begins a job and calls `finish` once, from any thread, when it has ended.
  func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void)
}
