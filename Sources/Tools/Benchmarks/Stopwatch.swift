import CAllocations
import FlowJSON
import Glibc

/// The time of a monotonic clock, in nanoseconds.
func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The processor time of all threads of this process, in nanoseconds: other processes do not count.
func processorNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The time of a turn in the fastest of several rounds, in nanoseconds: disturbances only slow a round down.
func measure(turns: Int, rounds: Int = 5, clock: () -> UInt64 = nanoseconds, _ body: () -> Void) -> Double {
  measureLoop(turns: turns, rounds: rounds, clock: clock) { turns in for _ in 0..<turns { body() } }
}

/// The same for a body that contains the loop, so that the cost of calling it is not measured.
func measureLoop(
  turns: Int, rounds: Int = 5, clock: () -> UInt64 = nanoseconds, _ body: (Int) -> Void
) -> Double {
  var best = Double.infinity
  for _ in 0..<rounds {
    let start = clock()
    body(turns)
    best = min(best, Double(clock() - start) / Double(turns))
  }
  return best
}

/// The number of allocations that the body makes.
func countAllocations(_ body: () -> Void) -> Int {
  let before = flow_allocation_count()
  body()
  return Int(flow_allocation_count() - before)
}

/// A number with one decimal.
func short(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}

/// The form of the report: lines for people, or an object per line with `--json`.
enum BenchmarkReport {
  static let isJSON = CommandLine.arguments.contains("--json")
}

/// Prints a row of the report. A value is a number and its unit; other text reports a failure.
func report(_ name: String, _ value: String, note: String = "") {
  guard !BenchmarkReport.isJSON else {
    let parts = value.split(separator: " ", maxSplits: 1)
    let number = parts.first.flatMap { Double($0) }
    let row: JSON = [
      "name": .string(name), "value": number.map(JSON.double) ?? .null,
      "unit": .string(number == nil ? value : parts.dropFirst().joined()), "note": .string(note),
    ]
    return print(row.text())
  }
  let gap = String(repeating: " ", count: max(1, 44 - name.count))
  let tail = note.isEmpty ? "" : "   \(note)"
  print("\(name)\(gap)\(value)\(tail)")
}
