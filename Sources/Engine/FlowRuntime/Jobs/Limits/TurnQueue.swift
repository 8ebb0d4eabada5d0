/// Throttles by the instants of their next turns. No operation costs more than logarithmically in their number.
struct TurnQueue {
  private struct Turn: Comparable {
    var instant: Int64
    var name: String

    static func < (left: Turn, right: Turn) -> Bool { left.instant < right.instant }
  }

  /// Also those of throttles that have another one since.
  private var heap = Heap<Turn>()
  private var instants: [String: Int64] = [:]

  /// The first instant, in milliseconds since 1970.
  var next: Int64? { heap.first?.instant }

  /// Adds a throttle, unless it has an earlier turn.
  mutating func add(_ name: String, at instant: Int64) {
    guard instants[name].map({ instant < $0 }) ?? true else { return }
    instants[name] = instant
    heap.insert(Turn(instant: instant, name: name))
  }

  /// Removes a throttle whose turn has come; nil before the first turn.
  mutating func removeFirst(at now: Int64) -> String? {
    while let first = heap.first, first.instant <= now {
      _ = heap.popFirst()
      guard instants[first.name] == first.instant else { continue }
      instants[first.name] = nil
      return first.name
    }
    return nil
  }
}
