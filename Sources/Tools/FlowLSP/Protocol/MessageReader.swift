/// Cuts a stream of bytes into the messages of the protocol: a header with the length, then the content.
struct MessageReader {
  /// The longest message, in bytes; a longer one ends the connection.
  static let maximumLength = 1 << 28

  private var buffer: [UInt8] = []
  private var start = 0
  /// True after a header that can't be read: the borders of messages are lost.
  private(set) var isBroken = false

  mutating func append(_ bytes: some Collection<UInt8>) {
    if start > 0 {
      buffer.removeSubrange(..<start)
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The content of the next complete message.
  mutating func next() -> [UInt8]? {
    guard !isBroken, let end = headerEnd() else { return nil }
    guard let length = MessageReader.length(in: buffer[start..<end]), length <= MessageReader.maximumLength else {
      isBroken = true
      return nil
    }
    let body = end + 4
    guard buffer.count - body >= length else { return nil }
    defer { start = body + length }
    return Array(buffer[body..<body + length])
  }

  /// The index of the empty line after the header.
  private func headerEnd() -> Int? {
    var index = start
    while index + 3 < buffer.count {
      if buffer[index] == 13, buffer[index + 1] == 10, buffer[index + 2] == 13, buffer[index + 3] == 10 { return index }
      index += 1
    }
    return nil
  }

  /// The value of `Content-Length`.
  private static func length(in header: ArraySlice<UInt8>) -> Int? {
    for line in String(decoding: header, as: UTF8.self).split(separator: "\r\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
      return Int(parts[1].filter { $0 != " " })
    }
    return nil
  }

  /// A message with its header.
  static func framed(_ content: [UInt8]) -> [UInt8] { Array("Content-Length: \(content.count)\r\n\r\n".utf8) + content }
}
