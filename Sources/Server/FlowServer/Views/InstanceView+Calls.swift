import FlowIR
import FlowJSON
import FlowRuntime

// The calls and steps of the active states, each with its status.
extension InstanceView {
  /// `waiting` for other steps, `running`, `retrying` with the next attempt, `done`, `skipped` by its condition, or
  /// `failed`.
  var calls: [JSON] {
    guard row.status == .running || row.status == .suspended, let flow else { return [] }
    let active = states.flatMap { InstanceView.around($0) }
    return flow.calls.indices.filter { active.contains(flow.states[flow.calls[$0].state].path) }.map { index in
      call(index, call: flow.calls[index], flow: flow)
    }
  }

  private func call(_ index: CallIndex, call: Call, flow: Flow) -> JSON {
    let job = jobs.first { $0.call == Int(index.rawValue) }
    var members: [JSON.Member] = [
      .init("name", .string(call.name)), .init("state", .string(flow.states[call.state].path)),
      .init("status", .string(status(index, call: call, flow: flow, job: job))),
    ]
    if let items = items(of: index) { members.append(.init("items", items)) }
    guard let job else { return .object(members) }
    members += [.init("action", .string(job.action)), .init("attempt", .int(Int64(job.attempt + 1)))]
    if job.attempt > 0, let instant = job.due.instant { members.append(.init("nextAt", .string(timeText(instant)))) }
    if let failure = lastFailure(of: job) { members.append(.init("lastFailure", failure)) }
    return .object(members)
  }

  private func status(_ index: CallIndex, call: Call, flow: Flow, job: JobRow?) -> String {
    if let job { return job.attempt > 0 ? "retrying" : "running" }
    let hasResult = document["$results"]?[call.name]?["result"] != nil
    guard call.isStep else { return hasResult ? "done" : "failed" }
    if numbers("stepsDone").contains(Int(index.rawValue)) {
      return hasResult || call.condition == nil ? "done" : "skipped"
    }
    if numbers("stepsBegun").contains(Int(index.rawValue)) { return "failed" }
    return "waiting"
  }

  /// The progress of a call over a list; nil for other calls, and for those that have not started.
  private func items(of call: CallIndex) -> JSON? {
    let lists = position["lists"]?.array ?? []
    guard let list = lists.first(where: { $0["call"]?.int == call.position }) else { return nil }
    let items = list["items"]?.array
    guard let count = list["count"]?.int ?? items?.count, let started = list["begun"]?.int else { return nil }
    var members: [JSON.Member] = [.init("count", .int(Int64(count))), .init("started", .int(Int64(started)))]
    let finished = list["finished"]?.int ?? items?.count { $0["result"] != nil || $0["failed"] == true }
    // A position of an earlier version has no number.
    if let finished { members.append(.init("finished", .int(Int64(finished)))) }
    return .object(members)
  }

  private func numbers(_ name: String) -> [Int] { position[name]?.array?.compactMap(\.int) ?? [] }

  /// The paths of a state and of all enclosing states.
  private static func around(_ path: String) -> [String] {
    let parts = path.split(separator: ".")
    return parts.indices.map { parts[...$0].joined(separator: ".") }
  }
}
