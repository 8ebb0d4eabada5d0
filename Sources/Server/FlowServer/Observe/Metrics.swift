import CEL
import FlowJSON
import FlowMachine
public import FlowRuntime

/// What a server counts. No instance ever becomes a label: their number has no bound.
public final class Metrics: Sendable {
  /// What the process uses, as the system says.
  public struct Process: Sendable {
    public var residentBytes = 0
    public var cpuSeconds = 0.0
    public var openDescriptors = 0
    public var startSeconds = 0.0

    public init() {}
  }

  let requests = Family("flow_http_requests_total", "Answered requests.", ["method", "route", "status"]) { Counter() }
  let requestSeconds = Histogram()
  let sockets = Gauge()
  let refusals = Family("flow_http_refusals_total", "Requests refused before a resource saw them.", ["code"]) {
    Counter()
  }
  private let started = Family("flow_instances_started_total", "Instances that began.", ["workflow"]) { Counter() }
  private let finished = Family("flow_instances_finished_total", "Instances that ended.", ["workflow", "outcome"]) {
    Counter()
  }
  private let transitions = Family(
    "flow_transitions_total", "Steps that were taken.", ["workflow", "from", "to", "event"]
  ) { Counter() }
  private let events = Family(
    "flow_events_received_total", "Events that arrived.", ["workflow", "event", "disposition"]
  ) { Counter() }
  private let incidents = Family("flow_incidents_total", "Timers and results that could not be taken.", ["workflow"]) {
    Counter()
  }
  private let dead = Family("flow_dead_letters_total", "Work whose tries were spent.", ["workflow"]) { Counter() }
  private let guardErrors = Family(
    "flow_guard_errors_total", "Events refused because an expression failed.", ["workflow"]
  ) { Counter() }
  private let instanceSeconds = Family("flow_instance_duration_seconds", "From begin to end.", ["workflow"]) {
    Histogram(Metrics.lifetimes)
  }
  private let microsteps = Histogram([1, 2, 3, 5, 10, 20, 50, 100])
  /// From a second to thirty days.
  private static let lifetimes: [Double] = [1, 10, 60, 600, 3600, 21_600, 86_400, 604_800, 2_592_000]
  /// Subscribers that could not go on where they were, and why.
  let resyncs = Family("flow_ws_resyncs_total", "Subscribers that could not go on where they were.", ["reason"]) {
    Counter()
  }
  private let entries = Counter()
  let timerLag = Histogram()
  let commitSeconds = Histogram()
  private let maintenanceLag = Gauge()
  let actionSeconds = Family("flow_action_duration_seconds", "How long tries took.", ["action"]) { Histogram() }
  let actions = Family("flow_actions_total", "Tries that ended.", ["action", "result"]) { Counter() }
  let retries = Counter()
  let version: String
  private let process: @Sendable () -> Process

  public init(version: String, process: @escaping @Sendable () -> Process = { Process() }) {
    self.version = version
    self.process = process
  }

  /// Records the age of the oldest piece of maintenance that is due.
  public func noteMaintenance(lagMilliseconds: Int64) { maintenanceLag.set(Int(clamping: lagMilliseconds)) }

  /// Notes how long a commit took.
  public func noteCommit(seconds: Double) { commitSeconds.observe(seconds) }

  // MARK: - What was committed

  /// Counts committed entries; on the engine's thread.
  public func note(_ entries: [JournalEntry], now: Int64) {
    self.entries.add(entries.count)
    for entry in entries {
      switch entry.kind {
      case .step: if let step = entry.step { note(step, entry, now) }
      case .incident: incidents[entry.flow].add()
      case .dead: dead[entry.flow].add()
      default: break
      }
    }
  }

  private func note(_ step: StepRecord, _ entry: JournalEntry, _ now: Int64) {
    if let event = step.event { events[entry.flow, event, step.disposition.rawValue].add() }
    if step.isCreated { started[entry.flow].add() }
    guard step.disposition == .applied else { return }
    microsteps.observe(Double(step.microsteps))
    let (from, to) = (step.from.joined(separator: "+"), step.to.joined(separator: "+"))
    transitions[entry.flow, from, to, step.event ?? Metrics.cause(step.origin ?? .null)].add()
    if step.status.hasEnded {
      finished[entry.flow, step.status.name].add()
      instanceSeconds[entry.flow].observe(Double(entry.at - step.startedAt) / 1000)
    }
    if let due = step.origin?["timer"]?["due"]?.string.flatMap({ Timestamp($0) }) {
      timerLag.observe(max(0, Double(now) / 1000 - Double(due.seconds) - Double(due.nanoseconds) / 1e9))
    }
  }

  /// What set a step off: the name of an event, or the kind of anything else.
  static func cause(_ body: JSON) -> String {
    if let event = body["event"]?["type"]?.string { return event }
    return body.members?.first { $0.value.members != nil && $0.name != "changes" }?.name ?? "other"
  }

  static func states(_ json: JSON?) -> String { (json?.array ?? []).compactMap(\.string).joined(separator: "+") }

  /// Counts an event that no step came of. It has to be one of the program's: what callers invent has no bound.
  /// - Parameter problem: Why, where the engine was asked.
  func noteRefused(event: String, flow: String?, _ problem: EngineProblem? = nil) {
    events[flow ?? "", event, "refused"].add()
    if case .refused(let refusal, _) = problem, refusal.isFailure { guardErrors[flow ?? ""].add() }
  }

  // MARK: - Telling

  /// All of it; the gauges come from the store.
  func text(_ population: [InstanceCounts], _ extent: StoreSize, now: Int64) -> String {
    var out = MetricsText()
    out.gauges("flow_build_info", "What this server is.", ["version"], [([version], 1)])
    add(population, now, to: &out)
    out.add(started)
    out.add(finished)
    out.add(transitions)
    out.add(events)
    out.add(instanceSeconds)
    out.add(microsteps, "flow_microsteps_per_macrostep", "How many times transitions were taken together in a step.")
    out.add(guardErrors)
    out.add(incidents)
    out.add(dead)
    out.counter("flow_journal_entries_total", "Entries committed since the start.", Double(entries.count))
    out.gauge("flow_timers_pending", "Timers that are set.", Double(extent.timers))
    out.gauge("flow_queue_depth", "Jobs that have not ended.", Double(extent.jobs))
    out.gauge("flow_dead_letters", "Work that waits for an operator.", Double(extent.deadLetters))
    out.gauge("flow_journal_bytes", "The size of the store.", Double(extent.bytes))
    out.gauge("flow_journal_free_bytes", "What of it nothing uses.", Double(extent.freeBytes))
    out.add(timerLag, "flow_timer_lag_seconds", "From the instant of a timer to the commit of its step.")
    out.add(commitSeconds, "flow_store_commit_seconds", "How long commits took.")
    out.gauge(
      "flow_maintenance_lag_seconds", "Age of the oldest ended instance that is due to be archived.",
      Double(maintenanceLag.current) / 1000)
    out.add(actionSeconds)
    out.add(actions)
    out.counter("flow_action_retries_total", "Tries after the first.", Double(retries.count))
    out.gauge("flow_ws_connections", "Open WebSockets.", Double(sockets.current))
    out.add(resyncs)
    out.add(requests)
    out.add(refusals)
    out.add(requestSeconds, "flow_http_request_duration_seconds", "From a request to its answer.")
    add(process(), to: &out)
    return out.text
  }

  private func add(_ population: [InstanceCounts], _ now: Int64, to out: inout MetricsText) {
    var counts: [[String]: Double] = [:]
    var ages: [[String]: Double] = [:]
    for group in population {
      let states = group.states.joined(separator: "+")
      let status = group.status.name
      counts[[group.flow, String(group.definition.prefix(12)), states, status], default: 0] += Double(group.count)
      guard group.status == .running else { continue }
      let age = Double(max(0, now - group.oldest)) / 1000
      ages[[group.flow, states]] = max(ages[[group.flow, states]] ?? 0, age)
    }
    let sorted = { (values: [[String]: Double]) in
      values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
    }
    out.gauges(
      "flow_instances", "Instances by where they are.", ["workflow", "version", "state", "status"], sorted(counts))
    out.gauges(
      "flow_state_age_seconds", "How long the instance has not moved that stands still for longest.",
      ["workflow", "state"], sorted(ages))
  }

  private func add(_ process: Process, to out: inout MetricsText) {
    out.gauge("process_resident_memory_bytes", "Resident memory.", Double(process.residentBytes))
    out.counter("process_cpu_seconds_total", "Processor time.", process.cpuSeconds)
    out.gauge("process_open_fds", "Open descriptors.", Double(process.openDescriptors))
    out.gauge("process_start_time_seconds", "When the process began, since 1970.", process.startSeconds)
  }
}
