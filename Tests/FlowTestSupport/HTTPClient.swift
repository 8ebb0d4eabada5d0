import Foundation
public import FlowSource
import Glibc

/// A blocking HTTP/1.1 client over one kept connection, for tests: small, and honest about broken connections.
public final class HTTPClient {
  public struct Response: Sendable {
    public var status: Int
    public var headers: [String: String]
    public var body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
  }

  public struct Broken: Error {}

  private let port: Int
  private var descriptor: Int32 = -1
  private var buffer: [UInt8] = []

  public init(port: Int) { self.port = port }

  deinit { disconnect() }

  /// Sends a request and waits for the answer.
  /// - Throws: `Broken` when the connection ends before the whole answer is there.
  public func send(
    _ method: String, _ path: String, _ body: JSON? = nil, headers: [String: String] = [:]
  ) throws -> Response {
    if descriptor < 0 { try connect() }
    let payload = body?.bytes() ?? []
    var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nContent-Length: \(payload.count)\r\n"
    if body != nil { head += "Content-Type: application/json\r\n" }
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    do {
      try write(Array((head + "\r\n").utf8) + payload)
      return try readResponse()
    } catch {
      disconnect()
      throw error
    }
  }

  public func disconnect() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    buffer = []
  }

  private func connect() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      disconnect()
      throw Broken()
    }
  }

  private func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL.rawValue)) }
      guard count > 0 else { throw Broken() }
      rest = rest.dropFirst(count)
    }
  }

  private func readMore() throws {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { throw Broken() }
    buffer += chunk[..<count]
  }

  private func readResponse() throws -> Response {
    var end = headEnd()
    while end == nil {
      try readMore()
      end = headEnd()
    }
    let headLength = end ?? 0
    let lines = String(decoding: buffer[..<headLength], as: UTF8.self).components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    let length = Int(headers["content-length"] ?? "0") ?? 0
    while buffer.count < headLength + 4 + length { try readMore() }
    let body = Array(buffer[(headLength + 4)..<(headLength + 4 + length)])
    buffer.removeFirst(headLength + 4 + length)
    return Response(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: body)
  }

  private func headEnd() -> Int? {
    guard buffer.count >= 4 else { return nil }
    return (0...(buffer.count - 4)).first { buffer[$0..<($0 + 4)].elementsEqual([13, 10, 13, 10]) }
  }
}
