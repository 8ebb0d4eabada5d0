import Dispatch
public import FlowJSON
import FlowRuntime
import Synchronization

/// The log of a server: lines from any thread, written without waiting for a slow reader.
///
/// ```swift
/// let log = Log(level: .info, format: .json, clock: currentMilliseconds) { line in … }
/// log.write(.warn, "incident", fields: [.init("workflow", "Order")])
/// ```
public final class Log: Sendable {
  /// The severity of a line.
  public enum Level: String, CaseIterable, Sendable, Comparable {
    case debug, info, warn, error

    public static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }
    private var rank: Int { Level.allCases.firstIndex(of: self) ?? 0 }
  }

  /// The format of lines.
  public enum Format: String, CaseIterable, Sendable {
    case json, text
  }

  /// The maximum number of lines that wait for a slow reader; further ones are counted and omitted.
  public static let maximumWaiting = 10_000

  private struct Waiting {
    var count = 0
    var dropped = 0
  }

  private let level: Level
  /// The format of its lines.
  public let format: Format
  private let clock: @Sendable () -> Int64
  private let sink: @Sendable ([UInt8]) -> Void
  private let queue = DispatchQueue(label: "flow.log")
  private let waiting = Mutex(Waiting())

  /// - Parameters:
  ///   - clock: Milliseconds since 1970.
  ///   - sink: Receives a line with its terminator; called by one thread at a time, and may block.
  public init(
    level: Level, format: Format, clock: @escaping @Sendable () -> Int64, sink: @escaping @Sendable ([UInt8]) -> Void
  ) {
    self.level = level
    self.format = format
    self.clock = clock
    self.sink = sink
  }

  /// Returns true if lines of a level are written.
  public func isEnabled(_ level: Level) -> Bool { level >= self.level }

  /// Writes a line.
  /// - Parameters:
  ///   - message: The constant part.
  ///   - fields: The variable part.
  public func write(_ level: Level, _ message: String, fields: [JSON.Member] = []) {
    guard isEnabled(level) else { return }
    let hasRoom = waiting.withLock { waiting in
      let hasRoom = waiting.count < Log.maximumWaiting
      if hasRoom { waiting.count += 1 } else { waiting.dropped += 1 }
      return hasRoom
    }
    guard hasRoom else { return }
    let instant = clock()
    queue.async { [self] in
      let dropped = waiting.withLock { waiting in
        waiting.count -= 1
        defer { waiting.dropped = 0 }
        return waiting.dropped
      }
      if dropped > 0 {
        sink(line(.warn, "lines were left out", fields: [.init("count", .int(Int64(dropped)))], at: instant))
      }
      sink(line(level, message, fields: fields, at: instant))
    }
  }

  /// Returns when all lines are written.
  public func flush() { queue.sync {} }

  private func line(_ level: Level, _ message: String, fields: [JSON.Member], at instant: Int64) -> [UInt8] {
    switch format {
    case .json:
      let members: [JSON.Member] = [
        .init("ts", .string(Log.time(instant))), .init("level", .string(level.rawValue)),
        .init("msg", .string(message)),
      ]
      return JSON.object(members + fields).bytes() + [0x0A]
    case .text:
      let rest = fields.map { " \($0.name)=\(Log.text($0.value))" }.joined()
      let mark = level == .info ? "" : "\(level.rawValue): "
      return Array("\(mark)\(Log.oneLine(message))\(rest)\n".utf8)
    }
  }

  private static func time(_ instant: Int64) -> String { timeText(instant) }

  /// Unquoted if it is a word; quoted like JSON if it is ambiguous.
  private static func text(_ value: JSON) -> String {
    guard case .string(let text) = value else { return value.text() }
    let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F && $0 != "\"" }
    return isPlain ? text : JSON.string(text).text()
  }

  /// Without control characters, which could end the line or move the cursor of a terminal.
  private static func oneLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }
}
