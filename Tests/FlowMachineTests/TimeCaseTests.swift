import FlowTestSupport
import FlowTime
import Foundation
import Testing

@testable import FlowMachine

/// Due times of schedules compared with those that `time_cases.py` computed with croniter and zoneinfo.
///
/// `make check-time` sets `FLOW_TIME_CASES` to a file of new cases; without it, the recorded ones are checked.
@Suite("Due times compared with croniter and zoneinfo") struct TimeCaseTests {
  /// `schedule|zone|after|three due times`, in seconds since 1970.
  private func cases() throws -> [[Substring]] {
    let file =
      ProcessInfo.processInfo.environment["FLOW_TIME_CASES"].map { URL(filePath: $0) }
      ?? packageRoot.appending(path: "Tests/FlowMachineTests/Corpus/time.txt")
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { $0.split(separator: "|") }
  }

  @Test("due times equal those of croniter and zoneinfo") func schedules() throws {
    let cases = try cases()
    #expect(cases.count >= 100)
    for parts in cases {
      try #require(parts.count == 4)
      let schedule = try #require(CronSchedule(String(parts[0])))
      var instant = try #require(Int64(parts[2])) * 1000
      var found: [String] = []
      for _ in 0..<3 {
        instant = try #require(schedule.next(after: instant, zone: String(parts[1])))
        found.append(String(instant / 1000))
      }
      #expect(found.joined(separator: " ") == parts[3], "\(parts[0]) in \(parts[1]) after \(parts[2])")
    }
  }
}
