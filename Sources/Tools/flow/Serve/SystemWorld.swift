import FlowJSON
import FlowRuntime

/// The system's clock, random numbers and environment.
struct SystemWorld: World {
  /// Milliseconds since 1970.
  var clock: @Sendable () -> Int64 = currentMilliseconds

  func now() -> Int64 { clock() }

  func random(below bound: Int64) -> Int64 { bound > 0 ? Int64.random(in: 0..<bound) : 0 }

  /// Twelve hexadecimal digits of the time and sixteen random ones, so that ids sort by age.
  func newID() -> String {
    let time = String(now(), radix: 16)
    return String(repeating: "0", count: max(0, 12 - time.count)) + time
      + UInt64.random(in: 0...UInt64.max).hexadecimal
  }

  func variable(_ name: String) -> String? { Terminal.variable(name) }
}
