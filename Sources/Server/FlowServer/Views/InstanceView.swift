import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

/// An instance in the format of the API.
struct InstanceView {
  let row: InstanceRow
  /// The program that it runs; nil when that can't be loaded.
  let machine: Machine?
  let jobs: [JobRow]
  let position: JSON

  init(_ row: InstanceRow, _ machine: Machine?, jobs: [JobRow] = []) {
    self.row = row
    self.machine = machine
    self.jobs = jobs
    position = (try? JSON(parsing: row.position)) ?? .null
  }

  var flow: Flow? {
    machine.flatMap { machine in machine.flow(named: row.flow).map { machine.program.flows[$0] } }
  }

  var states: [String] { position["states"]?.array?.compactMap(\.string) ?? [] }

  /// True if the instance is quiescent: it changes only by an event, a command or a timer.
  var isQuiet: Bool { row.status != .running || !jobs.contains { $0.call != nil } }

  /// The instance in a list.
  var summary: JSON {
    .object(
      [
        .init("flow", .string(row.flow)), .init("key", .string(row.key)),
        .init("version", flow.map { .int(Int64($0.version)) } ?? .null),
        .init("status", .string(row.status.name)),
        .init("state", .array(states.map { .string($0) })), .init("revision", .int(Int64(row.revision))),
        .init("startedAt", .string(timeText(row.startedAt))), .init("updatedAt", .string(timeText(row.updatedAt))),
      ] + (row.incident.isEmpty ? [] : [.init("incident", .string(row.incident))]))
  }

  /// The instance in a list, with its data.
  var summaryWithData: JSON { .object((summary.members ?? []) + dataMembers) }

  /// The data, and the fields of the active states.
  private var dataMembers: [JSON.Member] {
    let (data, stateData) = document.dividedByState(activeIn: states)
    return [.init("data", data), .init("stateData", stateData)]
  }

  /// The stored data, with the fields of states under their paths.
  var document: JSON { (try? JSON(parsing: row.data)) ?? .null }

  /// All properties of the instance.
  var json: JSON {
    var members = summary.members ?? []
    members += [.init("why", .string(why)), .init("definition", .string(row.definition))] + dataMembers
    members += [
      .init(
        "timers",
        .array(timers.map { ["at": .string("\($0.transition.location)"), "due": .string(timeText($0.due))] })),
      .init("pendingCalls", .array(pendingCalls)), .init("calls", .array(calls)), .init("deferred", .array(deferred)),
      .init("allowedEvents", .array(allowedEvents.map { .string($0) })),
    ]
    return .object(members)
  }

  // MARK: - Pending work

  /// The armed timers, the earliest first.
  private var timers: [(transition: Transition, due: Int64)] {
    guard let flow else { return [] }
    return (position["timers"]?.array ?? []).compactMap { timer in
      guard let index = timer["transition"]?.int, flow.transitions.indices.contains(index), let due = timer["due"]?.int
      else { return nil }
      return (flow.transitions[index], Int64(due))
    }.sorted { $0.due < $1.due }
  }

  /// The deferred events, the oldest first.
  var deferred: [JSON] {
    (position["deferred"]?.array ?? []).map { event in
      ["event": event["event"] ?? .null, "data": event["payload"] ?? .null]
    }
  }

  /// The events accepted in its current states.
  var allowedEvents: [String] {
    guard row.status == .running, let machine, let flow = machine.flow(named: row.flow) else { return [] }
    return machine.acceptedEvents(flow: flow, in: states)
  }

  private var pendingCalls: [JSON] {
    jobs.filter { !$0.action.isEmpty }.map { job in
      var members: [JSON.Member] = [.init("job", .int(job.id))]
      if let call = name(of: job) { members.append(.init("call", .string(call))) }
      members += [.init("action", .string(job.action)), .init("attempt", .int(Int64(job.attempt + 1)))]
      if let queue = job.queue { members.append(.init("queue", .string(queue))) }
      if job.priority != 0 { members.append(.init("priority", .int(job.priority))) }
      if let due = job.due.instant { members.append(.init("due", .string(timeText(due)))) }
      if let failure = lastFailure(of: job) { members.append(.init("lastFailure", failure)) }
      if job.lease > 0 { members.append(.init("leaseEnds", .string(timeText(job.lease)))) }
      if job.lease > 0, let worker = job.worker { members.append(.init("worker", .string(worker))) }
      if job.origin != 0, job.origin != job.id { members.append(.init("continues", .int(job.origin))) }
      return .object(members)
    }
  }

  private func name(of job: JobRow) -> String? {
    guard let flow, let call = job.call.map({ CallIndex($0) }), flow.calls.indices.contains(call) else { return nil }
    return flow.calls[call].name
  }

  /// An explanation of its current state, in one line.
  var why: String {
    let here = states.map { "`\($0)`" }.joined(separator: ", ")
    switch row.status {
    case .running: return waiting(here)
    case .suspended: return "an operator has suspended it in \(here)" + kept
    case .done, .failed, .cancelled: return "\(row.status.name) in \(here) since \(timeText(row.updatedAt))"
    }
  }

  /// The events that are held for it.
  private var kept: String {
    let count = jobs.count { $0.action.isEmpty && $0.due == .onResume }
    return count == 0 ? "" : "; \(count) \(count == 1 ? "event is" : "events are") kept for it"
  }

  private func waiting(_ here: String) -> String {
    var parts: [String] = []
    if !row.incident.isEmpty { parts.append("stuck: \(row.incident)") }
    parts += jobs.filter { !$0.action.isEmpty }.prefix(3).map(describe)
    let events = allowedEvents.map { "`\($0)`" }
    if !events.isEmpty { parts.append("waits for " + events.joined(separator: " or ")) }
    if !deferred.isEmpty { parts.append(postponed) }
    if let timer = timers.first {
      parts.append("the timer of \(timer.transition.location) is due \(timeText(timer.due))")
    }
    return parts.isEmpty ? "nothing in \(here) waits for anything" : parts.joined(separator: "; ")
  }

  /// The deferred events in words, with their number by name.
  private var postponed: String {
    let names = deferred.compactMap { $0["event"]?.string }
    let shown = Set(names).sorted().map { name in
      let count = names.count { $0 == name }
      return "`\(name)`" + (count > 1 ? " (\(count) times)" : "")
    }
    return "has deferred " + shown.joined(separator: ", ") + ", \(names.count) of at most \(Stepper.maximumDeferred)"
  }

  private func describe(_ job: JobRow) -> String {
    let name = "`\(job.action)`"
    if !job.outcome.isEmpty { return "\(name) has ended, and its result could not be taken yet" }
    if job.due == .onTurn { return "\(name) waits for its turn, because a limit of the action is reached" }
    if let queue = job.queue {
      return job.lease > 0
        ? "\(name) is with a worker until \(timeText(job.lease))" : "\(name) waits for a worker of `\(queue)`"
    }
    guard let due = job.due.instant else { return "\(name) waits for its end" }
    guard job.attempt > 0 else { return "\(name) is under way" }
    let error = lastFailure(of: job)?["outcome"]?.string.map { ", last error: \($0)" } ?? ""
    return "\(name) is tried again at \(timeText(due)), attempt \(job.attempt + 1)\(error)"
  }

  /// The last failed attempt of a job; nil before the first.
  func lastFailure(of job: JobRow) -> JSON? {
    job.failures.isEmpty ? nil : (try? JSON(parsing: job.failures))?.array?.last
  }
}
