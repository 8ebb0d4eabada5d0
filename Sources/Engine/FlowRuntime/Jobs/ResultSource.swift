import FlowIR
import FlowJSON
import FlowMachine

/// The work that a result comes from, as the history names it.
struct ResultSource: Hashable, Sendable {
  /// The name of the call; nil for work that undoes a call.
  var call: String?
  /// The name of the action or the called flow.
  var action: String
  /// The attempts that the work took; 0 for a result that other work with the same `once` key had before.
  var attempts: Int
  /// The start of the last attempt, in milliseconds since 1970, if the engine started it.
  var startedAt: Int64?

  /// The work of a job.
  /// - Parameter flow: The flow of the instance in its program.
  init(_ row: JobRow, of flow: FlowIndex, in machine: Machine) {
    let calls = machine.program.flows[flow].calls
    call = row.call.map { CallIndex($0) }.flatMap { calls.indices.contains($0) ? calls[$0].name : nil }
    action = row.action
    attempts = row.attempt + 1
  }

  /// A job whose result is known before it is performed.
  init(known job: Job, of flow: FlowIndex, in machine: Machine) {
    call = job.call.map { machine.program.flows[flow].calls[$0].name }
    action = machine.name(of: job.target)
    attempts = 0
  }

  /// The members of the entry.
  var members: [JSON.Member] {
    (call.map { [.init("call", .string($0))] } ?? []) + [
      .init("action", .string(action)), .init("attempts", .int(Int64(attempts))),
    ] + (startedAt.map { [.init("startedAt", .string(timeText($0)))] } ?? [])
  }
}
