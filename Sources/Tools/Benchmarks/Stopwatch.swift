import CAllocations
import Glibc

/// Nanoseconds of a clock that only goes forward.
func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The best of several rounds, in nanoseconds a turn: what disturbs a round can only slow it down.
func measure(turns: Int, rounds: Int = 5, _ body: () -> Void) -> Double {
  measureLoop(turns: turns, rounds: rounds) { turns in for _ in 0..<turns { body() } }
}

/// The same for a body that makes the turns itself, so that calling it costs nothing.
func measureLoop(turns: Int, rounds: Int = 5, _ body: (Int) -> Void) -> Double {
  var best = Double.infinity
  for _ in 0..<rounds {
    let start = nanoseconds()
    body(turns)
    best = min(best, Double(nanoseconds() - start) / Double(turns))
  }
  return best
}

/// How often the body asks for memory.
func countAllocations(_ body: () -> Void) -> Int {
  let before = flow_allocation_count()
  body()
  return Int(flow_allocation_count() - before)
}

/// A number with one digit behind the point.
func short(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}

/// A row of the report.
func report(_ name: String, _ value: String, _ note: String = "") {
  let gap = String(repeating: " ", count: max(1, 44 - name.count))
  let tail = note.isEmpty ? "" : "   \(note)"
  print("\(name)\(gap)\(value)\(tail)")
}
