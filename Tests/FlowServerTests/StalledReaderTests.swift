import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Readers of a long history that stop reading cost the server little, and miss nothing when they continue.
@Suite(.serialized) struct StalledReaderTests {
  private static let readers = 300
  private static let entries = 150
  /// A history of more than the buffers of a socket.
  private static let note = String(repeating: "x", count: 50_000)

  /// A request for a history, whose answer is not read.
  private final class Reader {
    private let peer: TestPeer

    init(port: Int, accepting type: String) throws {
      peer = try TestPeer(port: port)
      try peer.send(
        "GET /v1/flows/Counter/instances/a/history HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAccept: \(type)\r\n\r\n")
    }

    /// The whole answer.
    func body() throws -> String {
      #expect(try peer.head().hasPrefix("HTTP/1.1 200"))
      var body: [UInt8] = []
      while true {
        var line: [UInt8] = []
        while line.last != 10 { line += try peer.take(1) }
        let size = Int(String(decoding: line, as: UTF8.self).prefix { $0.isHexDigit }, radix: 16) ?? 0
        let chunk = try peer.take(size + 2).dropLast(2)
        if size == 0 { return String(decoding: body, as: UTF8.self) }
        body += chunk
      }
    }
  }

  /// The memory that the server holds, in megabytes.
  private func memory(_ client: HTTPClient) throws -> Int {
    let text = try client.send("GET", "/metrics").text
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("process_resident_memory_bytes ") })
    return Int(Double(line.split(separator: " ")[1]) ?? 0) >> 20
  }

  @Test("stalled readers are bounded in memory, and JSON lines have no heartbeats between them")
  func stalledReaders() throws {
    let counter = try CounterServer()
    try Counter.begin("a", counter.client)
    for number in 1...StalledReaderTests.entries {
      try Counter.add(Int64(number), note: StalledReaderTests.note, to: "a", counter.client)
    }
    let before = try memory(counter.client)
    let lines = try (0..<StalledReaderTests.readers).map { _ in
      try Reader(port: counter.port, accepting: "application/x-ndjson")
    }
    // Longer than the interval of heartbeats.
    sleep(17)
    let after = try memory(counter.client)
    print("\(StalledReaderTests.readers) stalled readers: \(before) MB before, \(after) MB after")
    #expect(after - before < 100)
    let start = ContinuousClock.now
    try Counter.add(0, to: "a", counter.client)
    #expect(ContinuousClock.now - start < .seconds(10), "others are served meanwhile")
    let documents = try lines[7].body().split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map { try JSON(parsing: String($0)) }
    #expect(documents.map { $0["offset"]?.int } == Array(1...StalledReaderTests.entries + 1))
  }
}
