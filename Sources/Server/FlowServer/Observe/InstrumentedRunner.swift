import Dispatch
import FlowMachine
public import FlowRuntime

/// A runner that counts and times its attempts.
public struct InstrumentedRunner: ActionRunner {
  private let runner: any ActionRunner
  private let metrics: Metrics

  public init(_ runner: any ActionRunner, _ metrics: Metrics) {
    self.runner = runner
    self.metrics = metrics
  }

  public func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void) {
    let kind = InstrumentedRunner.kind(request.action)
    if request.attempt > 1 { metrics.retries.add() }
    let start = DispatchTime.now().uptimeNanoseconds
    runner.run(request) { [metrics] outcome in
      metrics.actionSeconds[kind].observe(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
      metrics.actions[kind, InstrumentedRunner.result(outcome)].add()
      finish(outcome)
    }
  }

  private static func kind(_ action: BoundAction) -> String {
    switch action {
    case .http: "http"
    case .log: "log"
    case .worker: "worker"
    default: "other"
    }
  }

  private static func result(_ outcome: JobOutcome) -> String {
    switch outcome {
    case .done: "done"
    case .status, .reply: "status"
    case .unreachable: "unreachable"
    case .failed: "failed"
    case .impossible: "impossible"
    case .postponed: "postponed"
    }
  }
}
