import FlowIR
import FlowMachine
public import FlowRuntime
import FlowSource

/// Carries out the bindings that this process can: HTTP calls and log lines.
public final class Runner: ActionRunner {
  private let http = HTTPRunner()
  private let log: @Sendable (String) -> Void

  /// - Parameter log: Where the lines of `log` actions go.
  public init(log: @escaping @Sendable (String) -> Void) { self.log = log }

  public func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void) {
    switch request.action {
    case .http: http.run(request, finish: finish)
    case .log(let text):
      log(text)
      finish(.done(.null))
    case .other(let kind, _):
      finish(.impossible(code: "NO_RUNNER", message: "this build can't do `\(kind.rawValue)`"))
    case .worker: finish(.impossible(code: "NO_RUNNER", message: "only outside workers do this work"))
    }
  }

  /// Gives up what is under way.
  public func shutdown() { http.shutdown() }
}
