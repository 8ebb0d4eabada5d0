import CCurl
import FlowRuntime
import Foundation
import Synchronization

/// The thread that owns libcurl's handles: it takes requests in, drives all of them at once, and tells what came of
/// them.
final class TransferLoop: Sendable {
  typealias Waiting = (request: JobRequest, finish: @Sendable (JobOutcome) -> Void)

  private struct Inbox {
    var waiting: [Waiting] = []
    var isStopped = false
  }

  private let inbox = Mutex(Inbox())
  private let ended = DispatchSemaphore(value: 0)
  // Unsafe because of the pointer: off the thread only `curl_multi_wakeup` is called, and libcurl allows that.
  private nonisolated(unsafe) let multi: UnsafeMutableRawPointer?

  init() {
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

  /// Ends the thread; what is under way ends as unreachable.
  func stop() {
    inbox.withLock { $0.isStopped = true }
    curl_multi_wakeup(multi)
  }

  func waitForEnd() {
    ended.wait()
    // Whoever asks again is not left waiting.
    ended.signal()
  }

  func add(_ request: JobRequest, _ finish: @escaping @Sendable (JobOutcome) -> Void) {
    let isStopped = inbox.withLock { inbox in
      if !inbox.isStopped { inbox.waiting.append((request, finish)) }
      return inbox.isStopped
    }
    if isStopped { finish(.unreachable("the process is shutting down")) } else { curl_multi_wakeup(multi) }
  }

  // MARK: - On the thread

  private func run() {
    var running: [UnsafeMutableRawPointer: Transfer] = [:]
    while begin(&running) {
      var count: Int32 = 0
      curl_multi_perform(multi, &count)
      reap(&running)
      // The longest that libcurl waits here; its own timeouts and `curl_multi_wakeup` end it sooner.
      curl_multi_poll(multi, nil, 0, 60_000, nil)
    }
    for transfer in running.values { end(transfer, .unreachable("the process is shutting down")) }
    let left = inbox.withLock { inbox in
      defer { inbox.waiting = [] }
      return inbox.waiting
    }
    for waiting in left { waiting.finish(.unreachable("the process is shutting down")) }
  }

  /// Begins what waits, as far as there is room.
  /// - Returns: False when the loop has to end.
  private func begin(_ running: inout [UnsafeMutableRawPointer: Transfer]) -> Bool {
    let room = HTTPRunner.maximumTransfers - running.count
    let (taken, isStopped) = inbox.withLock { inbox in
      let taken = Array(inbox.waiting.prefix(max(room, 0)))
      inbox.waiting.removeFirst(taken.count)
      return (taken, inbox.isStopped)
    }
    for waiting in taken {
      do throws(RequestProblem) {
        let transfer = try Transfer(waiting.request, waiting.finish)
        running[transfer.easy] = transfer
        curl_multi_add_handle(multi, transfer.easy)
      } catch {
        waiting.finish(.impossible(code: "BAD_REQUEST", message: error.message))
      }
    }
    return !isStopped
  }

  private func reap(_ running: inout [UnsafeMutableRawPointer: Transfer]) {
    var left: Int32 = 0
    var freed = false
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let result = flow_curl_result(message)
      guard let transfer = running.removeValue(forKey: easy) else { continue }
      end(transfer, transfer.outcome(result))
      freed = true
    }
    // What waits for room has to be looked at before the next long sleep.
    if freed { curl_multi_wakeup(multi) }
  }

  private func end(_ transfer: Transfer, _ outcome: JobOutcome) {
    curl_multi_remove_handle(multi, transfer.easy)
    transfer.finish(outcome)
  }
}
