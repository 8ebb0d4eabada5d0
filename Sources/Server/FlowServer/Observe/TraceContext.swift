import FlowJSON

/// A position in a trace, in the format of `Traceparent` (W3C Trace Context, level 1).
public struct TraceContext: Hashable, Sendable {
  /// 32 and 16 lowercase hexadecimal digits, not all of them 0.
  var traceID: String
  var spanID: String
  var isSampled = true

  init(traceID: String, spanID: String, isSampled: Bool = true) {
    self.traceID = traceID
    self.spanID = spanID
    self.isSampled = isSampled
  }

  /// Nil for an invalid header.
  init?(_ header: String?) {
    guard let parts = header?.split(separator: "-", omittingEmptySubsequences: false), parts.count >= 4,
      parts[0] != "ff", parts[0] == "00" ? parts.count == 4 : true,
      zip(parts, [2, 32, 16, 2]).allSatisfy({ $0.utf8.count == $1 && $0.utf8.allSatisfy(TraceContext.isDigit) }),
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" }),
      let flags = UInt8(parts[3], radix: 16)
    else { return nil }
    self.init(traceID: String(parts[1]), spanID: String(parts[2]), isSampled: flags & 1 == 1)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  var header: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

  /// A new position in the same trace.
  func child() -> TraceContext {
    TraceContext(traceID: traceID, spanID: TraceContext.digits(1), isSampled: isSampled)
  }

  /// The root of a new trace.
  static func root() -> TraceContext { TraceContext(traceID: digits(2), spanID: digits(1)) }

  private static func digits(_ words: Int) -> String {
    (0..<words).map { _ in UInt64.random(in: 1...UInt64.max).hexadecimal }.joined()
  }
}
