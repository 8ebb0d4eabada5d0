import CCurl
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation

/// One exchange by libcurl, queued or in progress, and the part of the response received so far. Used by the loop's
/// thread only.
class Transfer {
  /// The timeout for establishing a connection, in milliseconds.
  static let connectTimeout: Int64 = 10_000

  let request: JobRequest
  let finish: @Sendable (JobOutcome) -> Void
  /// The host and the port, by which the gate identifies a host.
  let host: String
  private let isAllowedEverywhere: Bool
  private(set) var easy: UnsafeMutableRawPointer?
  /// True if an address was refused by the network policy.
  private var isRefused = false
  /// True if an address was allowed.
  private var hasTried = false

  /// - Parameter reach: The allowed addresses; nil for any address, for a URL of the operator.
  init(
    _ request: JobRequest, url: String, reach: NetworkPolicy?, finish: @escaping @Sendable (JobOutcome) -> Void
  ) throws(RequestProblem) {
    guard let parts = ServerURL(url, schemes: ["http", "https", "smtp", "smtps"]) else {
      throw RequestProblem(message: "the URL can't be read")
    }
    self.request = request
    self.finish = finish
    host = "\(parts.host):\(parts.port)"
    isAllowedEverywhere = reach?.allows(parts.host) ?? true
  }

  deinit { curl_easy_cleanup(easy) }

  /// Creates the handle for libcurl.
  func prepare() -> UnsafeMutableRawPointer? {
    guard let handle = curl_easy_init() else { return nil }
    easy = handle
    flow_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    flow_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(request.timeoutMilliseconds))
    flow_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(Transfer.connectTimeout))
    // With a proxy, the address of the proxy would be checked instead of the one behind it.
    flow_curl_set_text(handle, CURLOPT_PROXY, "")
    // The loop retains the transfer while libcurl has its handle, and releases both together.
    let me = Unmanaged.passUnretained(self).toOpaque()
    flow_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, me)
    flow_curl_set_opener(handle) { user, _, address in
      guard let user, let address else { return CURL_SOCKET_BAD }
      return Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue().open(address)
    }
    setUp(handle, me)
    return handle
  }

  /// Configures the content to send and the receiver of the response.
  func setUp(_ easy: UnsafeMutableRawPointer, _ me: UnsafeMutableRawPointer) {}

  /// The outcome of a completed exchange.
  func outcome(of easy: UnsafeMutableRawPointer, _ result: CURLcode) -> JobOutcome { .done(.null) }

  /// True for a failure of the host, false for none; nil when the outcome does not show either.
  func isHostFailure(_ outcome: JobOutcome) -> Bool? {
    switch outcome {
    case .done, .reply, .failed: false
    case .status(let status, _, _): status >= 500
    case .unreachable: true
    case .impossible(let code, _): code == Transfer.refusedCode ? nil : false
    case .postponed: nil
    }
  }

  static let refusedCode = "PRIVATE_ADDRESS"

  func outcome(_ result: CURLcode) -> JobOutcome {
    guard let easy else { return .unreachable("out of memory") }
    if isRefused, !hasTried {
      return .impossible(
        code: Transfer.refusedCode,
        message:
          "the host is on this machine or in a private network; `--allow-host HOST` or `--allow-private` allows it")
    }
    return outcome(of: easy, result)
  }

  /// Called for each resolved address immediately before connecting, so that a later change of the DNS record has no
  /// effect.
  private func open(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
    let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 0
    let raw = UnsafeRawPointer(address).advanced(by: offset)
    let target = address.pointee
    guard isAllowedEverywhere || NetworkAddress(raw, family: target.family).isPublic else {
      isRefused = true
      return CURL_SOCKET_BAD
    }
    hasTried = true
    return socket(target.family, target.socktype | Int32(SOCK_CLOEXEC.rawValue), target.`protocol`)
  }

  /// The generic name of an error; the detailed message of libcurl could quote the request.
  static func text(of result: CURLcode) -> String { String(cString: curl_easy_strerror(result)) }
}

extension JobRequest {
  /// The maximum length of an error response in messages, in bytes.
  static let maximumMessage = 1000

  /// The first part of a response, in printable form.
  func shown(_ answer: [UInt8]) -> String {
    let whole = secrets.hide(in: String(decoding: answer, as: UTF8.self))
    return String(decoding: Array(whole.utf8.prefix(JobRequest.maximumMessage)), as: UTF8.self)
  }
}
