import FlowJSON
import FlowMachine
public import FlowRuntime
public import FlowServer
import Foundation
import Synchronization

/// Runs calls of actions for the owner of the store, on a node that does not own it.
///
/// One thread asks the owner for calls, another reports those that run and their results. A result is reported until an
/// owner has accepted it: the lease of the call is in the store, so that it survives the owner. When this node itself
/// becomes the owner, it accepts the rest of its own reports.
public final class CallRunner: Sendable {
  /// The maximum number of calls in progress.
  public static let maximumCalls = 256
  /// The maximum number of calls of one claim.
  private static let maximumClaim = 64
  /// The interval of reports without a result, in milliseconds.
  private static let reportMilliseconds = 1000
  /// The pause after a failure, in milliseconds.
  private static let pauseMilliseconds = 250
  /// The time that a claim waits for calls, in milliseconds.
  private static let waitMilliseconds = 2000
  /// The time to wait for a response, in seconds.
  private static let responseSeconds = 4

  private struct State {
    /// The fences of the calls that run.
    var running: [Int64: Int] = [:]
    var results: [CallReport.Result] = []
    /// The variables that matter, as the owner has named them.
    var variables: Set<String> = []
    /// The programs that this node can't run.
    var excluded: Set<String> = []
    /// Accepts reports in place of an owner on another node.
    var engine: EngineThread?
    var isClaiming = true
    var isStopped = false
    var hasWarned = false
  }

  private let node: String
  private let secret: [UInt8]
  private let settings: NodeSettings
  private let reader: StandbyReader
  private let runner: any ActionRunner
  private let environment: @Sendable (String) -> String?
  private let owner: @Sendable () -> String?
  private let warn: @Sendable (String) -> Void
  private let state = Mutex(State())
  private let wakeClaims = DispatchSemaphore(value: 0)
  private let wakeReports = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - node: The identity of this node.
  ///   - secret: The secret of the nodes.
  ///   - settings: The settings of this node for actions.
  ///   - reader: Reads programs.
  ///   - runner: Runs the calls.
  ///   - environment: A variable of the environment.
  ///   - owner: Returns the URL of the owner; nil while none is known.
  ///   - warn: Receives messages for the operator.
  public init(
    node: String, secret: [UInt8], settings: NodeSettings, reader: StandbyReader, runner: any ActionRunner,
    environment: @escaping @Sendable (String) -> String?, owner: @escaping @Sendable () -> String?,
    warn: @escaping @Sendable (String) -> Void
  ) {
    self.node = node
    self.secret = secret
    self.settings = settings
    self.reader = reader
    self.runner = runner
    self.environment = environment
    self.owner = owner
    self.warn = warn
  }

  /// Starts the threads.
  public func start() {
    for (name, body) in [("flow-claim", claimUntilStopped), ("flow-report", reportUntilStopped)] {
      let thread = Thread { body() }
      thread.name = name
      thread.start()
    }
  }

  /// Claims no further calls; those that run are completed.
  public func stopClaiming() {
    state.withLock { $0.isClaiming = false }
    wakeClaims.signal()
  }

  /// This node owns the store: its engine accepts the results of the calls that still run.
  public func report(to engine: EngineThread) {
    state.withLock { $0.engine = engine }
    wakeReports.signal()
  }

  /// Gives back the calls that run, and ends the threads.
  public func stop() {
    stopClaiming()
    state.withLock { state in
      state.results += state.running.map { CallReport.Result(id: $0, fence: $1, outcome: .postponed(1)) }
      state.running = [:]
      state.isStopped = true
    }
    wakeReports.signal()
    _ = ended.wait(timeout: .now() + .seconds(CallRunner.responseSeconds))
  }

  // MARK: - Claims

  private func claimUntilStopped() {
    var connection = OwnerConnection(secret: secret)
    while true {
      let (isClaiming, room) = state.withLock { ($0.isClaiming, CallRunner.maximumCalls - $0.running.count) }
      guard isClaiming else { return }
      let isDone = room > 0 && owner().map { claim(room, from: $0, &connection) } ?? false
      if !isDone { _ = wakeClaims.wait(timeout: .now() + .milliseconds(CallRunner.pauseMilliseconds)) }
    }
  }

  /// - Returns: False when the owner has not answered.
  private func claim(_ room: Int, from owner: String, _ connection: inout OwnerConnection) -> Bool {
    let (variables, excluded) = state.withLock { ($0.variables, $0.excluded) }
    let body = JSON.object(
      [
        .init("node", .string(node)), .init("limit", .int(Int64(min(room, CallRunner.maximumClaim)))),
        .init("wait", .int(Int64(CallRunner.waitMilliseconds))),
      ] + settings.members(variables: variables, except: excluded))
    guard
      let response = connection.send(
        "POST", to: NodeRequest.calls, body.bytes(), at: owner, seconds: CallRunner.responseSeconds),
      let items = response["items"]?.array
    else { return false }
    let calls = items.compactMap(ClaimedCall.init)
    let mustWarn = state.withLock { state in
      state.variables = Set((response["variables"]?.array ?? []).compactMap(\.string))
      let hasSettings = response["hasSettings"] != false
      defer { state.hasWarned = !hasSettings }
      return !hasSettings && !state.hasWarned
    }
    if mustWarn { warn("the owner has other settings for actions: this node runs no calls for it") }
    for call in calls { begin(call) }
    return true
  }

  private func begin(_ call: ClaimedCall) {
    state.withLock { $0.running[call.id] = call.fence }
    do {
      let machine = try reader.machine(call.definition)
      runner.run(try call.request(in: machine, environment: environment)) { [self] in end(call, $0) }
    } catch {
      warn("`\(call.action)` is left to the owner: \((error as? BindingError)?.message ?? "its program can't be read")")
      state.withLock { _ = $0.excluded.insert(call.definition) }
      end(call, .postponed(1))
    }
  }

  private func end(_ call: ClaimedCall, _ outcome: JobOutcome) {
    let isFirst = state.withLock { state in
      guard state.running[call.id] == call.fence else { return false }
      state.running[call.id] = nil
      state.results.append(CallReport.Result(id: call.id, fence: call.fence, outcome: outcome))
      return state.results.count == 1
    }
    if isFirst { wakeReports.signal() }
  }

  // MARK: - Reports

  private func reportUntilStopped() {
    var connection = OwnerConnection(secret: secret)
    while true {
      let state = state.withLock { $0 }
      let isNeeded = !state.results.isEmpty || !state.running.isEmpty
      let isAccepted = isNeeded && report(state, &connection)
      if state.isStopped { break }
      if state.engine != nil, !isNeeded { break }
      if isAccepted { self.state.withLock { $0.results.removeFirst(state.results.count) } }
      let hasMore = isAccepted && self.state.withLock { !$0.results.isEmpty }
      if hasMore { continue }
      let pause = isNeeded && !isAccepted ? CallRunner.pauseMilliseconds : CallRunner.reportMilliseconds
      _ = wakeReports.wait(timeout: .now() + .milliseconds(pause))
    }
    ended.signal()
  }

  private func report(_ state: State, _ connection: inout OwnerConnection) -> Bool {
    let report = CallReport(node: node, running: state.running.keys.sorted(), results: state.results)
    if let engine = state.engine { return CallRunner.accept(report, by: engine) }
    guard let owner = owner() else { return false }
    let response = connection.send(
      "POST", to: NodeRequest.results, report.json.bytes(), at: owner, seconds: CallRunner.responseSeconds)
    return response != nil
  }

  private static func accept(_ report: CallReport, by engine: EngineThread) -> Bool {
    let done = DispatchSemaphore(value: 0)
    let isAccepted = Atomic(false)
    engine.accept(report) { result in
      if case .success = result { isAccepted.store(true, ordering: .releasing) }
      done.signal()
    }
    done.wait()
    return isAccepted.load(ordering: .acquiring)
  }
}
