import Dispatch
public import FlowJSON
import FlowRuntime
import Synchronization

/// What a server says of itself, a line at a time, from any thread and without waiting for whoever reads it.
public final class Log: Sendable {
  /// How much a line matters.
  public enum Level: String, CaseIterable, Sendable, Comparable {
    case debug, info, warn, error

    public static func < (one: Level, other: Level) -> Bool { one.rank < other.rank }
    private var rank: Int { Level.allCases.firstIndex(of: self) ?? 0 }
  }

  /// How a line looks.
  public enum Format: String, CaseIterable, Sendable {
    case json, text
  }

  /// How many lines wait for a slow reader; what comes beyond is counted and left out.
  public static let maximumWaiting = 10_000

  private struct Waiting {
    var count = 0
    var dropped = 0
  }

  private let level: Level
  /// How its lines look.
  public let format: Format
  private let clock: @Sendable () -> Int64
  private let sink: @Sendable ([UInt8]) -> Void
  private let queue = DispatchQueue(label: "flow.log")
  private let waiting = Mutex(Waiting())

  /// - Parameter clock: Milliseconds since 1970.
  /// - Parameter sink: Takes a line with its end; called by one thread at a time, and may wait.
  public init(
    level: Level, format: Format, clock: @escaping @Sendable () -> Int64, sink: @escaping @Sendable ([UInt8]) -> Void
  ) {
    self.level = level
    self.format = format
    self.clock = clock
    self.sink = sink
  }

  /// Whether lines of a level are written at all.
  public func hears(_ level: Level) -> Bool { level >= self.level }

  /// Writes a line: a message that is the same each time, and what differs.
  public func write(_ level: Level, _ message: String, _ fields: [JSON.Member] = []) {
    guard hears(level) else { return }
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
      if dropped > 0 { sink(line(instant, .warn, "lines were left out", [.init("count", .int(Int64(dropped)))])) }
      sink(line(instant, level, message, fields))
    }
  }

  /// Returns when all is written.
  public func flush() { queue.sync {} }

  private func line(_ instant: Int64, _ level: Level, _ message: String, _ fields: [JSON.Member]) -> [UInt8] {
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

  /// As it is when it is a word; quoted like JSON when it could be taken for something else.
  private static func text(_ value: JSON) -> String {
    guard case .string(let text) = value else { return value.text() }
    let isPlain = !text.isEmpty && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F && $0 != "\"" }
    return isPlain ? text : JSON.string(text).text()
  }

  /// Nobody can end a line, or move the cursor of whoever reads it.
  private static func oneLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }
}
