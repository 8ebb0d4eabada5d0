import CEL
import FlowJSON
import FlowMachine
public import FlowRuntime

/// The counters of a server. Instances are never labels, because their number is unbounded.
public final class Metrics: Sendable {
  /// Resources of the process, as reported by the system.
  public struct Process: Sendable {
    public var residentBytes = 0
    public var cpuSeconds = 0.0
    public var openDescriptors = 0
    public var startSeconds = 0.0

    public init() {}
  }

  let requests = Family("flow_http_requests_total", help: "Answered requests.", labels: ["method", "route", "status"]) {
    Counter()
  }
  let requestSeconds = Histogram()
  let sockets = Gauge()
  let refusals = Family(
    "flow_http_refusals_total", help: "Requests refused before a resource saw them.", labels: ["code"]
  ) {
    Counter()
  }
  private let started = Family("flow_instances_started_total", help: "Instances that started.", labels: ["workflow"]) {
    Counter()
  }
  private let finished = Family(
    "flow_instances_finished_total", help: "Instances that ended.", labels: ["workflow", "outcome"]
  ) {
    Counter()
  }
  private let transitions = Family(
    "flow_transitions_total", help: "Transitions of instances.", labels: ["workflow", "from", "to", "event"]
  ) { Counter() }
  private let events = Family(
    "flow_events_received_total", help: "Events that were received.", labels: ["workflow", "event", "disposition"]
  ) { Counter() }
  private let incidents = Family(
    "flow_incidents_total", help: "Timers and results that an instance could not process.", labels: ["workflow"]
  ) {
    Counter()
  }
  private let dead = Family(
    "flow_dead_letters_total", help: "Jobs whose attempts were exhausted.", labels: ["workflow"]
  ) { Counter() }
  private let guardErrors = Family(
    "flow_guard_errors_total", help: "Events refused because an expression failed.", labels: ["workflow"]
  ) { Counter() }
  private let instanceSeconds = Family(
    "flow_instance_duration_seconds", help: "Time from the start to the end of an instance.", labels: ["workflow"]
  ) {
    Histogram(Metrics.lifetimes)
  }
  private let microsteps = Histogram([1, 2, 3, 5, 10, 20, 50, 100])
  /// From a second to thirty days.
  private static let lifetimes: [Double] = [1, 10, 60, 600, 3600, 21_600, 86_400, 604_800, 2_592_000]
  /// Subscribers that could not resume at their position, by reason.
  let resyncs = Family(
    "flow_ws_resyncs_total", help: "Subscribers that could not resume at their position.", labels: ["reason"]
  ) {
    Counter()
  }
  private let forwarded = Family(
    "flow_forwarded_requests_total", help: "Requests that this node has forwarded to the owner of the store.",
    labels: ["result"]
  ) {
    Counter()
  }
  private let entries = Counter()
  let timerLag = Histogram()
  let commitSeconds = Histogram()
  private let maintenanceLag = Gauge()
  let actionSeconds = Family("flow_action_duration_seconds", help: "Duration of attempts.", labels: ["action"]) {
    Histogram()
  }
  let actions = Family("flow_actions_total", help: "Attempts that ended.", labels: ["action", "result"]) { Counter() }
  let retries = Counter()
  let rates = RateHistory()
  /// The messages of brokers.
  public let queues = QueueMetrics()
  let version: String
  private let process: @Sendable () -> Process

  public init(version: String, process: @escaping @Sendable () -> Process = { Process() }) {
    self.version = version
    self.process = process
  }

  /// Records the age of the oldest piece of maintenance that is due.
  public func recordMaintenance(lagMilliseconds: Int64) { maintenanceLag.set(Int(clamping: lagMilliseconds)) }

  /// The result of a request that was forwarded to the owner of the store.
  public enum ForwardingResult: String, Sendable {
    case answered
    /// The owner has ended, and the request was sent to its successor.
    case repeated
    /// There was no owner.
    case refused
    /// The response of the owner was lost, and the request may not be repeated.
    case lost
  }

  /// Counts a forwarded request.
  public func recordForwarding(_ result: ForwardingResult) { forwarded[result.rawValue].add() }

  /// Records the duration of a commit.
  public func recordCommit(seconds: Double) { commitSeconds.observe(seconds) }

  // MARK: - Committed entries

  /// Counts committed entries; on the engine's thread.
  public func record(_ entries: [JournalEntry], now: Int64) {
    self.entries.add(entries.count)
    for entry in entries {
      switch entry.kind {
      case .step: if let step = entry.step { record(step, of: entry, now: now) }
      case .incident: incidents[entry.flow].add()
      case .dead: dead[entry.flow].add()
      default: break
      }
    }
  }

  private func record(_ step: StepRecord, of entry: JournalEntry, now: Int64) {
    if let event = step.event { events[entry.flow, event, step.disposition.rawValue].add() }
    if step.isCreated { started[entry.flow].add() }
    rates.record(step, of: entry)
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

  /// The cause of a step: the name of an event, or the kind of another cause.
  static func cause(_ body: JSON) -> String {
    if let event = body["event"]?["type"]?.string { return event }
    return body.members?.first { $0.value.members != nil && $0.name != "changes" }?.name ?? "other"
  }

  static func states(_ json: JSON?) -> String { (json?.array ?? []).compactMap(\.string).joined(separator: "+") }

  /// Counts an event that caused no step. It must be an event of a program, because arbitrary names are unbounded.
  /// - Parameter problem: The reason of the engine; nil if the event did not reach it.
  func recordRefusal(of event: String, flow: String?, _ problem: EngineProblem? = nil) {
    events[flow ?? "", event, "refused"].add()
    if case .refused(let refusal, _) = problem, refusal.isFailure { guardErrors[flow ?? ""].add() }
  }

  // MARK: - Output

  /// All metrics; the gauges come from the store.
  /// - Parameter role: The role among several nodes; nil for a server without others.
  func text(
    _ population: [InstanceCounts], _ extent: StoreSize, schedules: [ScheduleRow] = [], now: Int64, role: String? = nil
  ) -> String {
    var out = MetricsText()
    out.gauges(
      "flow_build_info", help: "The version of the server.", labels: ["version"], [([version], 1)])
    if let role {
      addRole(role, to: &out)
      out.add(forwarded)
    }
    add(population, now, to: &out)
    out.add(started)
    out.add(finished)
    out.add(transitions)
    out.add(events)
    out.add(instanceSeconds)
    out.add(microsteps, named: "flow_microsteps_per_macrostep", help: "Microsteps of a step.")
    out.add(guardErrors)
    out.add(incidents)
    out.add(dead)
    out.counter("flow_journal_entries_total", help: "Entries committed since the start.", Double(entries.count))
    let skipped = Dictionary(grouping: schedules, by: \.flow).mapValues { $0.reduce(0) { $0 + $1.skipped } }
    out.counters(
      "flow_scheduled_runs_skipped_total", help: "Runs of scheduled starts that were skipped, kept over restarts.",
      labels: ["workflow"], skipped.sorted { $0.key < $1.key }.map { ([$0.key], Double($0.value)) })
    out.gauge("flow_timers_pending", help: "Armed timers.", Double(extent.timers))
    out.gauge("flow_queue_depth", help: "Jobs that have not ended.", Double(extent.jobs))
    out.gauge("flow_dead_letters", help: "Dead letters that wait for an operator.", Double(extent.deadLetters))
    out.gauge("flow_incidents", help: "Instances that could not take a timer or a result.", Double(extent.incidents))
    out.gauge("flow_journal_bytes", help: "The size of the store.", Double(extent.bytes))
    out.gauge("flow_journal_free_bytes", help: "Free bytes of the store.", Double(extent.freeBytes))
    out.add(timerLag, named: "flow_timer_lag_seconds", help: "From the instant of a timer to the commit of its step.")
    out.add(commitSeconds, named: "flow_store_commit_seconds", help: "Duration of commits.")
    out.gauge(
      "flow_maintenance_lag_seconds", help: "Age of the oldest ended instance that is due to be archived.",
      Double(maintenanceLag.current) / 1000)
    out.add(actionSeconds)
    out.add(actions)
    out.counter("flow_action_retries_total", help: "Attempts after the first.", Double(retries.count))
    out.gauge("flow_ws_connections", help: "Open WebSockets.", Double(sockets.current))
    out.add(resyncs)
    queues.write(to: &out)
    out.add(requests)
    out.add(refusals)
    out.add(requestSeconds, named: "flow_http_request_duration_seconds", help: "Time from a request to its response.")
    add(process(), to: &out)
    return out.text
  }

  /// The metrics of a node that does not own the store.
  func nodeText(role: String) -> String {
    var out = MetricsText()
    out.gauges("flow_build_info", help: "The version of the server.", labels: ["version"], [([version], 1)])
    addRole(role, to: &out)
    out.add(forwarded)
    out.add(actionSeconds)
    out.add(actions)
    out.gauge("flow_ws_connections", help: "Open WebSockets.", Double(sockets.current))
    out.add(resyncs)
    out.add(requests)
    out.add(refusals)
    out.add(requestSeconds, named: "flow_http_request_duration_seconds", help: "Time from a request to its response.")
    add(process(), to: &out)
    return out.text
  }

  private func addRole(_ role: String, to out: inout MetricsText) {
    out.gauges("flow_node_role", help: "The role of this node among several.", labels: ["role"], [([role], 1)])
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
      "flow_instances", help: "Instances by version, state and status.",
      labels: ["workflow", "version", "state", "status"], sorted(counts))
    out.gauges(
      "flow_state_age_seconds", help: "Age of the oldest running instance by state.", labels: ["workflow", "state"],
      sorted(ages))
  }

  private func add(_ process: Process, to out: inout MetricsText) {
    out.gauge("process_resident_memory_bytes", help: "Resident memory.", Double(process.residentBytes))
    out.counter("process_cpu_seconds_total", help: "Processor time.", process.cpuSeconds)
    out.gauge("process_open_fds", help: "Open descriptors.", Double(process.openDescriptors))
    out.gauge(
      "process_start_time_seconds", help: "Start time of the process, in seconds since 1970.", process.startSeconds)
  }
}
