import FlowIR
import FlowRuntime

@testable import FlowMachine

/// Runs a job and returns its outcome.
func outcome(
  of action: BoundAction, by runner: some ActionRunner, timeout: Int64 = 10_000, key: String = "k",
  signing: String? = nil, secrets: [Secret] = []
) async -> JobOutcome {
  let request = JobRequest(
    action: action, timeoutMilliseconds: timeout, idempotencyKey: key, attempt: 3, signingSecret: signing,
    secrets: secrets)
  return await withCheckedContinuation { continuation in
    runner.run(request) { continuation.resume(returning: $0) }
  }
}

extension BoundAction {
  static func get(_ url: String, headers: [(String, String)] = []) -> BoundAction {
    .http(method: "GET", url: url, headers: headers.map { .init(name: $0.0, value: $0.1) }, body: nil)
  }
}
