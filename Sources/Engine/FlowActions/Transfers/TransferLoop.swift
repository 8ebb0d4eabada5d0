import CCurl
import FlowMachine
import FlowRuntime
import Foundation
import Synchronization

/// The thread that owns libcurl's handles: it accepts requests, drives all of them concurrently, and reports their
/// outcomes.
final class TransferLoop: Sendable {
  /// The maximum number of concurrent exchanges; further ones are queued.
  static let maximumTransfers = 256
  /// The maximum random delay between requests that were postponed for the same reason, in milliseconds.
  static let spread: Int64 = 1000

  typealias Finish = @Sendable (JobOutcome) -> Void

  private struct Inbox {
    var waiting: [(request: JobRequest, finish: Finish)] = []
    var isStopped = false
  }

  /// The state that only the thread accesses.
  private struct TransferState {
    var waiting: [Transfer] = []
    var running: [UnsafeMutableRawPointer: Transfer] = [:]
    var gate: HostGate
  }

  private let settings: ActionSettings
  private let inbox = Mutex(Inbox())
  private let ended = DispatchSemaphore(value: 0)
  // Unsafe because of the pointer: other threads only call `curl_multi_wakeup`, which libcurl permits.
  private nonisolated(unsafe) let multi: UnsafeMutableRawPointer?

  init(_ settings: ActionSettings) {
    self.settings = settings
    curl_global_init(Int(CURL_GLOBAL_ALL))
    multi = curl_multi_init()
    // Idle connections that are kept for the next request.
    flow_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 64)
  }

  deinit { curl_multi_cleanup(multi) }

  func start() {
    let thread = Thread { [self] in
      run()
      ended.signal()
    }
    thread.name = "flow-actions"
    thread.start()
  }

  /// Ends the thread; exchanges in progress end as unreachable.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    curl_multi_wakeup(multi)
  }

  func waitForEnd() {
    ended.wait()
    // Later callers must not block.
    ended.signal()
  }

  func add(_ request: JobRequest, _ finish: @escaping Finish) {
    let isStopped = inbox.withLock { inbox in
      if !inbox.isStopped { inbox.waiting.append((request, finish)) }
      return inbox.isStopped
    }
    if isStopped { finish(.unreachable("the process is shutting down")) } else { curl_multi_wakeup(multi) }
  }

  // MARK: - On the thread

  private func run() {
    var desk = TransferState(gate: HostGate(settings.limits))
    while acceptNew(&desk) {
      admit(&desk)
      var count: Int32 = 0
      curl_multi_perform(multi, &count)
      reap(&desk)
      // The maximum wait; libcurl's own timeouts and `curl_multi_wakeup` end it earlier.
      curl_multi_poll(multi, nil, 0, 60_000, nil)
    }
    for (easy, transfer) in desk.running {
      curl_multi_remove_handle(multi, easy)
      transfer.finish(.unreachable("the process is shutting down"))
    }
    for transfer in desk.waiting { transfer.finish(.unreachable("the process is shutting down")) }
  }

  /// Processes the submitted requests.
  /// - Returns: False when the loop has to end.
  private func acceptNew(_ desk: inout TransferState) -> Bool {
    let (taken, isStopped) = inbox.withLock { inbox in
      defer { inbox.waiting = [] }
      return (inbox.waiting, inbox.isStopped)
    }
    for (request, finish) in taken {
      do throws(RequestProblem) {
        desk.waiting.append(try transfer(request, finish))
      } catch {
        finish(.impossible(code: "BAD_REQUEST", message: error.message))
      }
    }
    return !isStopped
  }

  private func transfer(_ request: JobRequest, _ finish: @escaping Finish) throws(RequestProblem) -> Transfer {
    if case .http(_, _, _, _) = request.action {
      return try HTTPTransfer(request, reach: settings.reach, finish: finish)
    }
    return try MailTransfer(request, settings: settings, finish: finish)
  }

  /// Starts queued requests, as far as the loop and their hosts have capacity.
  private func admit(_ desk: inout TransferState) {
    let now = TransferLoop.now()
    var left: [Transfer] = []
    var line: [String: Int] = [:]
    for transfer in desk.waiting {
      guard desk.running.count < TransferLoop.maximumTransfers else {
        left.append(transfer)
        continue
      }
      switch desk.gate.ask(transfer.host, at: now) {
      case .begin: begin(transfer, &desk)
      case .postpone(let wait): putOff(transfer, wait)
      case .wait where line[transfer.host, default: 0] >= settings.limits.waiting: putOff(transfer, 0)
      case .wait:
        line[transfer.host, default: 0] += 1
        left.append(transfer)
      }
    }
    desk.waiting = left
  }

  private func putOff(_ transfer: Transfer, _ milliseconds: Int64) {
    transfer.finish(.postponed(milliseconds + Int64.random(in: 1...TransferLoop.spread)))
  }

  private func begin(_ transfer: Transfer, _ desk: inout TransferState) {
    guard let easy = transfer.prepare() else {
      desk.gate.end(transfer.host, isFailure: nil, at: TransferLoop.now())
      return transfer.finish(.unreachable("out of memory"))
    }
    desk.running[easy] = transfer
    curl_multi_add_handle(multi, easy)
  }

  private func reap(_ desk: inout TransferState) {
    var left: Int32 = 0
    var freed = false
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let result = flow_curl_result(message)
      guard let transfer = desk.running.removeValue(forKey: easy) else { continue }
      let outcome = transfer.outcome(result)
      curl_multi_remove_handle(multi, easy)
      desk.gate.end(transfer.host, isFailure: transfer.isHostFailure(outcome), at: TransferLoop.now())
      transfer.finish(outcome)
      freed = true
    }
    // Requests that wait for capacity have to be checked before the next long sleep.
    if freed { curl_multi_wakeup(multi) }
  }

  /// A monotonic clock, in milliseconds.
  private static func now() -> Int64 { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) }
}
