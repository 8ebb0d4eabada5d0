import Synchronization

/// Limits the audit lines of callers without valid credentials: the first of each address and second are written, the
/// others are counted.
final class AuditSampler: Sendable {
  /// The maximum number of lines of one address in a second.
  static let linesPerAddress = 10
  /// The maximum number of lines of all addresses in a second.
  static let linesPerSecond = 200
  /// The maximum number of distinct addresses; the lines of others are counted together.
  static let maximumAddresses = 1_000
  /// The maximum length of a path or name in a line, in bytes.
  static let maximumBytes = 256

  private struct State {
    var second: Int64 = 0
    var lines: [String: Int] = [:]
    var total = 0
    var suppressed = 0
  }

  private let state = Mutex(State())

  /// - Parameter now: Milliseconds since 1970.
  /// - Returns: The number of lines omitted before this one; nil when this one is omitted.
  func admit(_ address: String, now: Int64) -> Int? {
    state.withLock { state in
      if state.second != now / 1000 {
        state.second = now / 1000
        state.lines.removeAll(keepingCapacity: true)
        state.total = 0
      }
      let isKnown = state.lines[address] != nil || state.lines.count < AuditSampler.maximumAddresses
      let name = isKnown ? address : ""
      guard state.total < AuditSampler.linesPerSecond, state.lines[name, default: 0] < AuditSampler.linesPerAddress
      else {
        state.suppressed += 1
        return nil
      }
      state.lines[name, default: 0] += 1
      state.total += 1
      defer { state.suppressed = 0 }
      return state.suppressed
    }
  }

  /// A text truncated for a line.
  static func shortened(_ text: String) -> String {
    guard text.utf8.count > maximumBytes else { return text }
    return String(decoding: text.utf8.prefix(maximumBytes), as: UTF8.self) + "…"
  }
}
