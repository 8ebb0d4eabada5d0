import CCurl
public import FlowHTTP
public import FlowServer
import Foundation
import Synchronization

/// Forwards requests to the owner of the store, and relays its responses with bounded memory.
///
/// A request for which there is no owner, or whose owner has just ended, waits for the next one for a short time. One
/// whose response was lost is repeated only if that has no effect.
public final class Forwarder: Sendable {
  /// The limits of a node.
  public struct Limits: Sendable {
    /// The time for which a request waits for an owner, in milliseconds.
    public var holdMilliseconds: Int64 = 1000
    /// The maximum number of requests that wait for an owner.
    public var held = 1024
    /// The maximum size of the bodies of these requests, in bytes.
    public var heldBytes = 64 << 20
    /// The maximum number of requests, streams and sockets in progress.
    public var forwarded = 4096

    public init() {}
  }

  enum Message: Sendable {
    case request(HTTPRequest, ResponseHandle, mayForward: Bool)
    case owner(String?)
    case access(StandbyAccess)
    case service(any HTTPHandler)
    case abandoned(ResponseHandle)
    case drained(ResponseHandle)
    case bytes([UInt8], ResponseHandle)
  }

  private struct Inbox {
    var messages: [Message] = []
    var isStopped = false
    /// True once the loop has had a request, so that streams of other handlers cost nothing before.
    var isUsed = false
  }

  private let inbox = Mutex(Inbox())
  private let ended = DispatchSemaphore(value: 0)
  // Unsafe because of the pointer: other threads only call `curl_multi_wakeup`, which libcurl permits.
  nonisolated(unsafe) let multi: UnsafeMutableRawPointer?
  let limits: Limits
  let metrics: Metrics
  /// Called when the owner does not respond, and must be looked up again.
  let onMissingOwner: @Sendable () -> Void

  /// - Parameter onMissingOwner: Called when the owner does not respond, and must be looked up again.
  public init(limits: Limits = Limits(), metrics: Metrics, onMissingOwner: @escaping @Sendable () -> Void) {
    self.limits = limits
    self.metrics = metrics
    self.onMissingOwner = onMissingOwner
    curl_global_init(Int(CURL_GLOBAL_ALL))
    multi = curl_multi_init()
    flow_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 256)
  }

  deinit { curl_multi_cleanup(multi) }

  /// Starts the thread.
  public func start() {
    let thread = Thread { [self] in
      ForwardingLoop(self).run()
      ended.signal()
    }
    thread.name = "flow-forward"
    thread.start()
  }

  /// Ends the thread; requests in progress are answered with 503.
  public func stop() {
    inbox.withLock { $0.isStopped = true }
    curl_multi_wakeup(multi)
    ended.wait()
    // A second call returns as well.
    ended.signal()
  }

  /// Forwards a request of a client.
  public func forward(_ request: HTTPRequest, _ respond: ResponseHandle) {
    post(.request(request, respond, mayForward: true))
  }

  /// Keeps a request of another node until this one serves, or knows the owner.
  func hold(_ request: HTTPRequest, _ respond: ResponseHandle) {
    post(.request(request, respond, mayForward: false))
  }

  func setOwner(_ owner: String?) { post(.owner(owner)) }
  func allow(_ access: StandbyAccess) { post(.access(access)) }

  /// This node owns the store: requests are answered by its service.
  func serve(by service: any HTTPHandler) { post(.service(service)) }

  func abandoned(_ stream: ResponseHandle) { postIfUsed(.abandoned(stream)) }
  func drained(_ stream: ResponseHandle) { postIfUsed(.drained(stream)) }
  func send(_ bytes: [UInt8], to stream: ResponseHandle) { postIfUsed(.bytes(bytes, stream)) }

  private func post(_ message: Message) {
    inbox.withLock { inbox in
      inbox.messages.append(message)
      inbox.isUsed = true
    }
    curl_multi_wakeup(multi)
  }

  /// Streams of the service are none of the forwarder's business.
  private func postIfUsed(_ message: Message) {
    guard inbox.withLock({ $0.isUsed }) else { return }
    post(message)
  }

  /// The messages since the last call; nil when the loop has to end.
  func dequeue() -> [Message]? {
    inbox.withLock { inbox in
      defer { inbox.messages = [] }
      return inbox.isStopped ? nil : inbox.messages
    }
  }
}
