public import FlowJSON

/// A blocking client of server-sent events.
public final class EventStreamClient {
  public struct Refused: Error { public var head: String }

  public struct Event: Sendable {
    public var id: String
    public var name: String
    public var data: JSON
  }

  private let socket: TestSocket
  private var text = ""

  public init(port: Int, path: String, headers: [String: String] = [:]) throws {
    socket = try TestSocket(port: port)
    var head = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAccept: text/event-stream\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    try socket.write(Array((head + "\r\n").utf8))
    let answer = try socket.takeHead()
    guard answer.hasPrefix("HTTP/1.1 200"), answer.contains("text/event-stream") else { throw Refused(head: answer) }
  }

  /// The next event; comments are skipped.
  /// - Throws: `Broken` when only comments arrive for a minute, or nothing for half a minute.
  public func receive() throws -> Event {
    let limit = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < limit {
      while let end = text.firstRange(of: "\n\n") {
        let block = text[..<end.lowerBound]
        text = String(text[end.upperBound...])
        if let event = try event(block) { return event }
      }
      guard let chunk = try socket.takeChunk() else { throw TestSocket.Broken() }
      text += String(decoding: chunk, as: UTF8.self)
    }
    throw TestSocket.Broken()
  }

  private func event(_ block: Substring) throws -> Event? {
    var fields: [Substring: String] = [:]
    for line in block.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else { continue }
      fields[line[..<colon]] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    guard let data = fields["data"] else { return nil }
    return Event(id: fields["id"] ?? "", name: fields["event"] ?? "message", data: try JSON(parsing: data))
  }
}
