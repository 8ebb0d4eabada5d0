import FlowJSON
import FlowRuntime
import Foundation
import Synchronization

/// A connection to a broker or a database; it is used only by the thread that opened it.
protocol BrokerConnection: AnyObject, SendableMetatype {
  init(_ url: ServerURL, timeoutMilliseconds: Int64) throws(BrokerProblem)

  /// Executes one job, and returns at its timeout at the latest.
  func perform(_ request: JobRequest, _ settings: JSON) -> JobOutcome

  /// True if the connection can execute another job.
  var isUsable: Bool { get }

  /// The socket, to detect that the peer has closed the connection; -1 without one.
  var descriptor: Int32 { get }
}

/// The connections to one server, each with its own thread. Connections are opened on demand and closed after an idle
/// period.
final class ConnectionPool<Connection: BrokerConnection>: Sendable {
  typealias Finish = @Sendable (JobOutcome) -> Void

  private struct Work: Sendable {
    var request: JobRequest
    var settings: JSON
    var finish: Finish
  }

  private struct State {
    var waiting: [Work] = []
    var threads = 0
    var idle = 0
    var isStopped = false
    var gate: HostGate
  }

  private let url: ServerURL
  private let limits: HostLimits
  private let state: Mutex<State>
  private let wake = DispatchSemaphore(value: 0)

  init(_ url: ServerURL, _ limits: HostLimits) {
    self.url = url
    self.limits = limits
    var spared = limits
    spared.concurrent = .max
    state = Mutex(State(gate: HostGate(spared)))
  }

  func run(_ request: JobRequest, settings: JSON, finish: @escaping Finish) {
    let work = Work(request: request, settings: settings, finish: finish)
    let (refusal, hasIdle, needsThread) = state.withLock { state -> (JobOutcome?, Bool, Bool) in
      if state.isStopped { return (.unreachable("the process is shutting down"), false, false) }
      guard state.waiting.count < limits.waiting else {
        return (.postponed(Int64.random(in: 1...TransferLoop.spread)), false, false)
      }
      state.waiting.append(work)
      let needsThread = state.idle < state.waiting.count && state.threads < Brokers.maximumConnections
      if needsThread { state.threads += 1 }
      return (nil, state.idle > 0, needsThread)
    }
    if let refusal { return finish(refusal) }
    if hasIdle { wake.signal() }
    guard needsThread else { return }
    let thread = Thread { [self] in main() }
    thread.name = "flow-broker"
    thread.start()
  }

  /// Ends waiting jobs as unreachable; jobs in progress end within their timeouts.
  func stop() {
    let (waiting, threads) = state.withLock { state in
      state.isStopped = true
      defer { state.waiting = [] }
      return (state.waiting, state.threads)
    }
    for _ in 0..<threads { wake.signal() }
    for work in waiting { work.finish(.unreachable("the process is shutting down")) }
  }

  // MARK: - On a thread

  private func main() {
    BrokerThread.prepare()
    var connection: Connection?
    while let work = next() { work.finish(outcome(of: work, &connection)) }
  }

  /// Waits for work; nil after the idle period, when the thread has to end.
  private func next() -> Work? {
    while true {
      let (work, isStopped) = state.withLock { state -> (Work?, Bool) in
        if !state.waiting.isEmpty { return (state.waiting.removeFirst(), false) }
        state.idle += 1
        return (nil, state.isStopped)
      }
      if let work { return work }
      let isLate = isStopped || wake.wait(timeout: .now() + Brokers.idleSeconds) == .timedOut
      let mustEnd = state.withLock { state in
        state.idle -= 1
        guard isLate, state.waiting.isEmpty else { return false }
        state.threads -= 1
        return true
      }
      if mustEnd { return nil }
    }
  }

  private func outcome(of work: Work, _ connection: inout Connection?) -> JobOutcome {
    let name = "\(url.host):\(url.port)"
    if case .postpone(let wait) = state.withLock({ $0.gate.ask(name, at: now()) }) {
      return .postponed(wait + Int64.random(in: 1...TransferLoop.spread))
    }
    let outcome = attempt(work, &connection)
    let isFailure = if case .unreachable = outcome { true } else { false }
    state.withLock { $0.gate.end(name, isFailure: isFailure, at: now()) }
    return outcome
  }

  private func attempt(_ work: Work, _ connection: inout Connection?) -> JobOutcome {
    if let old = connection, !old.isUsable || hasHungUp(old) { connection = nil }
    do throws(BrokerProblem) {
      let limit = min(work.request.timeoutMilliseconds, Transfer.connectTimeout)
      if let open = connection { return open.perform(work.request, work.settings) }
      let made = try Connection(url, timeoutMilliseconds: limit)
      connection = made
      return made.perform(work.request, work.settings)
    } catch {
      return .unreachable(error.message)
    }
  }

  /// True if the peer has closed an idle connection.
  private func hasHungUp(_ connection: Connection) -> Bool {
    guard connection.descriptor >= 0 else { return false }
    var polled = pollfd(fd: connection.descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, 0) > 0
  }

  private func now() -> Int64 { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) }
}
