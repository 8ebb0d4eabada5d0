import CCurl
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation

/// One exchange by libcurl, waiting or under way, and what has come back of it so far. Belongs to the loop's thread.
class Transfer {
  /// The longest time that making a connection may take, in milliseconds.
  static let connectTimeout: Int64 = 10_000

  let request: JobRequest
  let finish: @Sendable (JobOutcome) -> Void
  /// The host and the port, as the gate knows it.
  let host: String
  private let isAllowedEverywhere: Bool
  private(set) var easy: UnsafeMutableRawPointer?
  /// True if an address was refused.
  private var isRefused = false
  /// True if one was not.
  private var hasTried = false

  /// - Parameter reach: Where it may go; nil for wherever its URL leads, which then is the operator's.
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

  /// Makes the handle that the loop gives to libcurl.
  func prepare() -> UnsafeMutableRawPointer? {
    guard let handle = curl_easy_init() else { return nil }
    easy = handle
    flow_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    flow_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(request.timeoutMilliseconds))
    flow_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(Transfer.connectTimeout))
    // A proxy would be the address that is looked at, and whatever lies behind it would not.
    flow_curl_set_text(handle, CURLOPT_PROXY, "")
    // The loop holds the transfer for as long as libcurl has its handle, and drops both together.
    let me = Unmanaged.passUnretained(self).toOpaque()
    flow_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, me)
    flow_curl_set_opener(handle) { user, _, address in
      guard let user, let address else { return CURL_SOCKET_BAD }
      return Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue().open(address)
    }
    setUp(handle, me)
    return handle
  }

  /// Says what is sent, and who takes what comes back.
  func setUp(_ easy: UnsafeMutableRawPointer, _ me: UnsafeMutableRawPointer) {}

  /// What an exchange that went through came to.
  func outcome(of easy: UnsafeMutableRawPointer, _ result: CURLcode) -> JobOutcome { .done(.null) }

  /// Whether the host is at fault; nil when nothing was learnt of it.
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

  /// Asked for each address that the name of the host has led to, right before the connection is made: whatever the
  /// name leads to a moment later does not matter.
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

  /// The plain name of an error: what libcurl says in detail would quote what was sent.
  static func text(of result: CURLcode) -> String { String(cString: curl_easy_strerror(result)) }
}

extension JobRequest {
  /// How much of an answer that is no success is kept to be shown.
  static let maximumMessage = 1000

  /// The beginning of an answer, fit to be shown.
  func shown(_ answer: [UInt8]) -> String {
    let whole = secrets.hide(in: String(decoding: answer, as: UTF8.self))
    return String(decoding: Array(whole.utf8.prefix(JobRequest.maximumMessage)), as: UTF8.self)
  }
}
