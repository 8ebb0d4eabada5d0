import FlowJSON
import FlowRuntime
import Synchronization

/// Instances that started and ended in each of the last minutes, by flow; in memory, since the start of the server.
final class RateHistory: Sendable {
  /// A day.
  static let minutes = 1_440
  private static let minute: Int64 = 60_000

  /// The counts of one minute.
  private struct Counts {
    var started: Int32 = 0
    var finished: Int32 = 0
    var failed: Int32 = 0
  }

  /// The minutes of one flow, as a ring buffer; `first` is the oldest one.
  private struct Ring {
    var counts = [Counts](repeating: Counts(), count: RateHistory.minutes)
    var last: Int64

    /// Advances to a minute; minutes without an entry have zero counts.
    mutating func advance(to minute: Int64) {
      guard minute > last else { return }
      let steps = min(minute - last, Int64(RateHistory.minutes))
      for step in 0..<steps { counts[Int((minute - step) % Int64(RateHistory.minutes))] = Counts() }
      last = minute
    }

    mutating func add(at minute: Int64, _ change: (inout Counts) -> Void) {
      advance(to: minute)
      guard minute > last - Int64(RateHistory.minutes) else { return }
      change(&counts[Int(minute % Int64(RateHistory.minutes))])
    }
  }

  private let rings = Mutex<[String: Ring]>([:])

  /// Counts a committed step.
  func record(_ step: StepRecord, of entry: JournalEntry) {
    guard step.isCreated || step.status.hasEnded else { return }
    let minute = entry.at / RateHistory.minute
    rings.withLock { rings in
      rings[entry.flow, default: Ring(last: minute)].add(at: minute) { counts in
        if step.isCreated { counts.started += 1 }
        if step.status.hasEnded { counts.finished += 1 }
        if step.status == .failed { counts.failed += 1 }
      }
    }
  }

  /// The counts of the last minutes, the oldest first; the last minute is the current one.
  /// - Parameters:
  ///   - span: The number of minutes.
  ///   - now: Milliseconds since 1970.
  func json(minutes span: Int, now: Int64, includes: (String) -> Bool) -> JSON {
    let present = now / RateHistory.minute
    let items = rings.withLock { rings in
      rings.keys.sorted().filter(includes).map { name -> JSON in
        rings[name]?.advance(to: present)
        let counts = (0..<span).reversed().compactMap { age in
          rings[name]?.counts[Int((present - Int64(age)) % Int64(RateHistory.minutes))]
        }
        func list(_ part: (Counts) -> Int32) -> JSON { .array(counts.map { .int(Int64(part($0))) }) }
        return [
          "flow": .string(name), "started": list(\.started), "finished": list(\.finished), "failed": list(\.failed),
        ]
      }
    }
    let since = (present - Int64(span) + 1) * RateHistory.minute
    return ["since": .string(timeText(since)), "items": .array(items)]
  }
}
