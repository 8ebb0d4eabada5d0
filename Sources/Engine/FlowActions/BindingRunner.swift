import FlowIR
import FlowJSON
import FlowMachine
public import FlowRuntime

/// Executes the bindings of actions.
public final class BindingRunner: ActionRunner {
  private let transfers: TransferLoop
  private let programs: ProgramRunner
  private let brokers: Brokers
  private let mailFolder: MailFolder?
  private let log: @Sendable (String) -> Void

  /// - Parameter log: Receives the lines of `log` actions.
  public init(settings: ActionSettings = ActionSettings(), log: @escaping @Sendable (String) -> Void) {
    transfers = TransferLoop(settings)
    programs = ProgramRunner(settings)
    brokers = Brokers(settings)
    mailFolder = settings.mailFolder.map { MailFolder(folder: $0, sender: settings.sender) }
    self.log = log
    transfers.start()
  }

  deinit {
    transfers.stop()
    programs.stop()
    brokers.stop()
  }

  public func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void) {
    let secrets = request.secrets
    let finish: @Sendable (JobOutcome) -> Void = { finish($0.hiding(secrets)) }
    switch request.action {
    case .other(.email, let given) where mailFolder != nil: mailFolder?.write(given, of: request, finish)
    case .http, .other(.email, _): transfers.add(request, finish)
    case .other(.exec, _): programs.run(request, finish)
    case .other(let kind, let settings): brokers.run(kind, given: settings, request: request, finish: finish)
    case .log(let text):
      log(secrets.hide(in: text))
      finish(.done(.null))
    case .worker: finish(.impossible(code: "NO_RUNNER", message: "only outside workers do this work"))
    }
  }

  /// Abandons all operations in progress.
  public func shutdown() {
    transfers.stop()
    programs.stop()
    brokers.stop()
    transfers.waitForEnd()
  }
}

extension JobOutcome {
  /// The outcome with all values of secrets removed from its messages.
  fileprivate func hiding(_ secrets: [Secret]) -> JobOutcome {
    guard !secrets.isEmpty else { return self }
    switch self {
    case .done, .postponed: return self
    case .status(let status, let message, let retryAfter):
      return .status(status, message: secrets.hide(in: message), retryAfterMilliseconds: retryAfter)
    case .reply(let number, let replier, let isTransient, let message):
      return .reply(number, of: replier, isTransient: isTransient, message: secrets.hide(in: message))
    case .unreachable(let message): return .unreachable(secrets.hide(in: message))
    case .failed(let code, let message): return .failed(code: code, message: secrets.hide(in: message))
    case .impossible(let code, let message): return .impossible(code: code, message: secrets.hide(in: message))
    }
  }
}
