import FlowJSON
import FlowMachine
import FlowRuntime

/// The reason why a request is invalid.
struct RequestProblem: Error {
  var message: String
}

/// A request with all its headers, checked: nothing in it can break out of its line.
struct OutgoingRequest {
  /// Headers that only the client itself may set: they say where the message ends.
  static let reserved: Set<String> = ["content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"]

  var method: String
  var url: String
  var body: [UInt8]?
  /// Lines as `Name: value`.
  private var lines: [String]
  private let key: String
  private let secret: String?

  init(_ request: JobRequest) throws(RequestProblem) {
    guard case .http(let method, let url, let headers, let json) = request.action else {
      throw RequestProblem(message: "this action is no request")
    }
    guard !method.isEmpty, method.utf8.allSatisfy({ OutgoingRequest.isToken($0) }) else {
      throw RequestProblem(message: "`\(method)` is not a method")
    }
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw RequestProblem(message: "the URL has spaces or control characters in it")
    }
    let scheme = url.prefix { $0 != ":" }.lowercased()
    guard scheme == "http" || scheme == "https" else {
      throw RequestProblem(message: "the URL of an action begins with `http://` or `https://`")
    }
    self.method = method
    self.url = url
    body = json.map { $0.bytes() }
    key = request.idempotencyKey
    secret = request.signingSecret
    guard secret?.isEmpty != true else { throw RequestProblem(message: "the secret to sign with is empty") }
    lines = [
      "Idempotency-Key: \(OutgoingRequest.encoded(request.idempotencyKey))",
      "Flow-Attempt: \(request.attempt)",
      // An empty value keeps libcurl from asking for leave before it sends a body.
      "Expect:",
    ]
    try add(headers)
  }

  /// The headers, with a signature for this second where one is configured.
  func headers(at second: Int64) -> [String] {
    guard let secret else { return lines }
    return lines + WebhookSignature(key: key, timestamp: second, body: body ?? [], secret: secret).headers
  }

  private mutating func add(_ given: [BoundAction.Header]) throws(RequestProblem) {
    var names: Set<String> = []
    for header in given {
      let name = header.name.lowercased()
      guard !name.isEmpty, name.utf8.allSatisfy({ OutgoingRequest.isToken($0) }) else {
        throw RequestProblem(message: "`\(header.name)` is not the name of a header")
      }
      let isTaken = OutgoingRequest.reserved.contains(name) || (secret != nil && WebhookSignature.names.contains(name))
      guard !isTaken else {
        throw RequestProblem(message: "the header `\(header.name)` can't be set by an action")
      }
      guard header.value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
        throw RequestProblem(message: "the value of the header `\(header.name)` has control characters in it")
      }
      names.insert(name)
      // libcurl writes a header without a value only with a semicolon.
      lines.append(header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
    }
    if body != nil, !names.contains("content-type") { lines.append("Content-Type: application/json") }
    if !names.contains("accept") { lines.append("Accept: application/json") }
    if !names.contains("user-agent") { lines.append("User-Agent: flow") }
  }

  private static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  /// Visible ASCII as it is, all else percent-encoded: keys are any text.
  static func encoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "%") {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }
}
