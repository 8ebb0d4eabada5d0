public import FlowJSON
import Foundation

/// A blocking HTTP/1.1 client over one persistent connection; broken connections are errors.
public final class HTTPClient {
  public struct Response: Sendable {
    public var status: Int
    public var headers: [String: String]
    public var body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
  }

  private let port: Int
  private var socket: TestSocket?

  public init(port: Int) { self.port = port }

  /// Sends a request and waits for the response.
  /// - Throws: An error when the connection ends before the response is complete.
  @discardableResult
  public func send(
    _ method: String, _ path: String, _ body: JSON? = nil, headers: [String: String] = [:]
  ) throws -> Response {
    var headers = headers
    if body != nil, headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
    return try send(method, path, bytes: body?.bytes() ?? [], headers: headers)
  }

  /// Sends any text as the body.
  public func send(_ method: String, _ path: String, text: String, headers: [String: String]) throws -> Response {
    try send(method, path, bytes: Array(text.utf8), headers: headers)
  }

  /// Sends a request with any body.
  @discardableResult
  public func send(
    _ method: String, _ path: String, bytes: [UInt8], headers: [String: String] = [:]
  ) throws -> Response {
    let socket = try self.socket ?? TestSocket(port: port)
    self.socket = nil
    let host = headers["Host"] == nil ? "Host: 127.0.0.1:\(port)\r\n" : ""
    var head = "\(method) \(path) HTTP/1.1\r\n\(host)Content-Length: \(bytes.count)\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    try socket.write(Array((head + "\r\n").utf8) + bytes)
    let response = try read(socket, isHead: method == "HEAD")
    if response.headers["connection"]?.lowercased() != "close" { self.socket = socket }
    return response
  }

  private func chunks(_ socket: TestSocket) throws -> [UInt8] {
    var body: [UInt8] = []
    while let chunk = try socket.takeChunk() { body += chunk }
    return body
  }

  private func read(_ socket: TestSocket, isHead: Bool) throws -> Response {
    let lines = try socket.takeHead().components(separatedBy: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
    if isHead { return Response(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: []) }
    let isChunked = headers["transfer-encoding"] == "chunked"
    let body = isChunked ? try chunks(socket) : try socket.take(Int(headers["content-length"] ?? "0") ?? 0)
    return Response(status: Int(lines[0].split(separator: " ")[1]) ?? 0, headers: headers, body: body)
  }
}
