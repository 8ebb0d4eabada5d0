import FlowJSON
import FlowTesting
import FlowVerify

extension Session {
  /// Verifies the flow in use, from its start.
  func verify() -> Reply {
    guard let run else { return notLoaded }
    guard let verification = try? Verification(run.program, flow: run.flow) else { return notLoaded }
    let report = verification.run(isGivenUp: world.isInterrupted)
    return Reply(
      text: renderVerification([report], style: style).trimmed, isError: report.hasCounterExample(of: .error),
      result: report.json)
  }
}
