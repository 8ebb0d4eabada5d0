/// Throttles by the instants of their next turns. No operation costs more than logarithmically in their number.
struct TurnQueue {
  private struct Turn {
    var instant: Int64
    var name: String
  }

  /// A binary heap, with the turns of throttles that have another one since.
  private var heap: [Turn] = []
  private var instants: [String: Int64] = [:]

  /// The first instant, in milliseconds since 1970.
  var next: Int64? { heap.first?.instant }

  /// Adds a throttle, unless it has an earlier turn.
  mutating func add(_ name: String, at instant: Int64) {
    guard instants[name].map({ instant < $0 }) ?? true else { return }
    instants[name] = instant
    heap.append(Turn(instant: instant, name: name))
    var index = heap.count - 1
    while index > 0, heap[index].instant < heap[(index - 1) / 2].instant {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Removes a throttle whose turn has come; nil before the first turn.
  mutating func removeFirst(at now: Int64) -> String? {
    while let first = heap.first, first.instant <= now {
      removeRoot()
      guard instants[first.name] == first.instant else { continue }
      instants[first.name] = nil
      return first.name
    }
    return nil
  }

  private mutating func removeRoot() {
    guard let last = heap.popLast(), !heap.isEmpty else { return }
    heap[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[child].instant < heap[least].instant { least = child }
      }
      guard least != index else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
