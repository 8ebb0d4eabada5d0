public import FlowJSON
public import FlowMachine

/// An attempt of a job: plain data for a runner.
public struct JobRequest: Sendable {
  public var action: BoundAction
  public var timeoutMilliseconds: Int64
  /// The same for every attempt of a job.
  public var idempotencyKey: String
  /// The number of the attempt, from 1.
  public var attempt: Int
  /// The secret with which the request is signed.
  public var signingSecret: String?
  /// Values that must not appear in an error or a log line.
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

/// The outcome of an attempt.
public enum JobOutcome: Sendable {
  /// The work is done, with its result.
  case done(JSON)
  /// A response with a status other than 2xx.
  case status(Int, message: String, retryAfterMilliseconds: Int64?)
  /// The number with which a mail server or a program reported a failure.
  case reply(Int, of: Replier, isTransient: Bool, message: String)
  /// No response: refused, timed out, interrupted.
  case unreachable(String)
  /// A failure with its own code, from an outside worker.
  case failed(code: String, message: String)
  /// A failure that every retry would repeat.
  case impossible(code: String, message: String)
  /// No attempt was made; the next may start after this number of milliseconds.
  case postponed(Int64)

  /// The source of the number, as it appears in the code of the failure.
  public enum Replier: String, Sendable {
    case mail = "SMTP"
    case program = "EXIT"
  }
}

extension JobOutcome {
  /// The outcome as text, of at most `limit` bytes.
  func text(atMost limit: Int) -> String {
    let whole =
      switch self {
      case .done: "done"
      case .status(let status, let message, _): message.isEmpty ? "status \(status)" : "status \(status): \(message)"
      case .reply(let number, let replier, _, let message): "\(replier.rawValue)_\(number): \(message)"
      case .postponed(let milliseconds): "postponed for \(milliseconds) ms"
      case .unreachable(let message): message
      case .failed(let code, let message), .impossible(let code, let message):
        message.isEmpty ? code : "\(code): \(message)"
      }
    return String(decoding: whole.utf8.prefix(limit), as: UTF8.self)
  }
}

/// Executes jobs.
public protocol ActionRunner: Sendable {
  /// Starts a job and calls `finish` once, from any thread, when it has ended.
  func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void)
}
