import Foundation
import Synchronization

/// A server on its own port that responds as a test defines, with one request per connection.
public final class LocalServer: Sendable {
  public struct Request: Sendable {
    public var line: String
    public var headers: [String: String]
    public var body: String
  }

  public let port: Int
  private let descriptor: Int32
  private let seen = Mutex<[Request]>([])

  public var url: String { "http://127.0.0.1:\(port)" }
  public var requests: [Request] { seen.withLock { $0 } }

  /// - Parameter answer: The whole response with its head; nil keeps the client waiting.
  public init(_ answer: @escaping @Sendable (Request) -> String?) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size)
        listen(descriptor, 512)
        getsockname(descriptor, address, &size)
      }
      return Int(UInt16(bigEndian: pointer.pointee.sin_port))
    }
    Thread { [weak self] in
      while true {
        let client = accept(descriptor, nil, nil)
        guard client >= 0 else {
          // Only the accepting thread may close it: its number may be reused immediately.
          close(descriptor)
          return
        }
        guard let request = LocalServer.read(client) else { continue }
        self?.seen.withLock { $0.append(request) }
        // A client without a response keeps its connection until the process ends.
        guard let text = answer(request) else { continue }
        _ = Array(text.utf8).withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        close(client)
      }
    }.start()
  }

  deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

  public static func answer(_ status: String, _ body: String = "", headers: String = "") -> String {
    "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(headers)\r\n\(body)"
  }

  private static func read(_ client: Int32) -> Request? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let request = parse(text[..<end.lowerBound], String(text[end.upperBound...]))
        if request.body.utf8.count >= Int(request.headers["content-length"] ?? "0") ?? 0 { return request }
      }
      let count = recv(client, &buffer, buffer.count, 0)
      guard count > 0 else {
        close(client)
        return nil
      }
      bytes += buffer.prefix(count)
    }
  }

  private static func parse(_ head: Substring, _ body: String) -> Request {
    let lines = head.components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
    }
    return Request(line: lines[0], headers: headers, body: body)
  }
}
