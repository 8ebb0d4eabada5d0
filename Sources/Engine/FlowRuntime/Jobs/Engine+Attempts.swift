import FlowIR
import FlowJSON
import FlowMachine

// The attempts of jobs in the journal.
extension Engine {
  /// Records the end of an attempt that no step records.
  /// - Parameters:
  ///   - end: Milliseconds since 1970.
  ///   - next: The instant of the next attempt; nil after the last one.
  func recordAttempt(
    of row: JobRow, _ outcome: JobOutcome, by cached: Cached, endedAt end: Int64, nextAt next: Int64? = nil
  ) {
    var members = [JSON.Member("job", .string("\(row.revision)/\(row.number)"))]
    members += attemptMembers(of: row, by: cached, startedAt: scheduler.start(of: row.id))
    members.append(.init("outcome", .string(outcome.text(atMost: Engine.maximumFailureText))))
    if let next { members.append(.init("nextAt", .string(timeText(next)))) }
    journal(cached.row, .attempt, body: .object(members), at: end)
  }

  /// The action, the call, the number and the start of an attempt, as the journal has them.
  /// - Parameter start: Milliseconds since 1970; nil when it is not known.
  func attemptMembers(of row: JobRow, by cached: Cached, startedAt start: Int64?) -> [JSON.Member] {
    var members = [JSON.Member("action", .string(row.action))]
    if let name = callName(of: row, by: cached) { members.append(.init("call", .string(name))) }
    members.append(.init("attempt", .int(Int64(row.attempt + 1))))
    if let start { members.append(.init("startedAt", .string(timeText(start)))) }
    return members
  }

  /// The name of the call that waits for a job; nil when none waits.
  private func callName(of row: JobRow, by cached: Cached) -> String? {
    let calls = cached.version.machine.program.flows[cached.instance.flow].calls
    guard let call = row.call.map({ CallIndex($0) }), calls.indices.contains(call) else { return nil }
    return calls[call].name
  }
}
