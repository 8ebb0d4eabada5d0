import CCurl
import FlowMachine
public import FlowRuntime
import FlowSource
import Foundation
import Synchronization

/// Makes the HTTP requests of jobs with libcurl, all on one thread of its own.
public final class HTTPRunner: Sendable {
  private struct Order: Sendable {
    var request: JobRequest
    var finish: @Sendable (JobOutcome) -> Void
  }

  private struct State {
    var orders: [Order] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let multi: Multi
  private let ended = DispatchSemaphore(value: 0)

  public init() {
    curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    multi = Multi()
    let thread = Thread { [self] in
      run()
      ended.signal()
    }
    thread.name = "flow-http-out"
    thread.start()
  }

  /// Begins a request.
  public func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void) {
    state.withLock { $0.orders.append(Order(request: request, finish: finish)) }
    multi.wake()
  }

  /// Ends the thread; requests under way are given up, and are made again by whoever finds their jobs.
  public func shutdown() {
    state.withLock { $0.isClosed = true }
    multi.wake()
    ended.wait()
  }

  private func run() {
    var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
    while true {
      let (orders, isClosed) = state.withLock { state in
        defer { state.orders = [] }
        return (state.orders, state.isClosed)
      }
      if isClosed {
        for transfer in transfers.values { multi.remove(transfer) }
        return
      }
      for order in orders { begin(order, &transfers) }
      for (handle, code) in multi.perform() {
        guard let transfer = transfers.removeValue(forKey: handle) else { continue }
        multi.remove(transfer)
        transfer.end(code)
      }
    }
  }

  private func begin(_ order: Order, _ transfers: inout [UnsafeMutableRawPointer: Transfer]) {
    guard case .http(let method, let url, let headers, let body) = order.request.action,
      let transfer = Transfer(
        method: method, url: url, headers: headers, body: body, order.request, finish: order.finish)
    else { return order.finish(.unreachable("the request could not be made")) }
    transfers[transfer.handle] = transfer
    multi.add(transfer)
  }
}

/// libcurl's many transfers at once.
private final class Multi: @unchecked Sendable {
  // Unchecked because of the pointer: only `wake` is called from other threads, and libcurl allows that.
  private let handle = curl_multi_init()

  deinit { curl_multi_cleanup(handle) }

  func wake() { curl_multi_wakeup(handle) }

  func add(_ transfer: Transfer) { curl_multi_add_handle(handle, transfer.handle) }

  func remove(_ transfer: Transfer) { curl_multi_remove_handle(handle, transfer.handle) }

  /// Does what can be done, waits for more, and says what has ended.
  func perform() -> [(UnsafeMutableRawPointer, CURLcode)] {
    var running: Int32 = 0
    curl_multi_perform(handle, &running)
    var ended: [(UnsafeMutableRawPointer, CURLcode)] = []
    var waiting: Int32 = 0
    while let message = curl_multi_info_read(handle, &waiting) {
      if message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle {
        ended.append((easy, message.pointee.data.result))
      }
    }
    if ended.isEmpty { curl_multi_poll(handle, nil, 0, 1000, nil) }
    return ended
  }
}
