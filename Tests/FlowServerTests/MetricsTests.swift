import FlowRuntime
import Testing

@testable import FlowServer

/// Metrics from journal entries and counts of the store alone.
@Suite("Metrics") struct MetricsTests {
  private let metrics = Metrics(version: "1")
  private let extent = StoreSize(timers: 0, jobs: 0, deadLetters: 0, incidents: 0, bytes: 0, freeBytes: 0)

  private func lines(_ population: [InstanceCounts] = []) -> Set<Substring> {
    Set(metrics.text(population, extent, now: 10_000).split(separator: "\n"))
  }

  @Test("instance gauges have their status as a label") func instanceGauges() {
    let population = InstanceStatus.allCases.map {
      InstanceCounts(
        flow: "F", definition: "0123456789abcdef", status: $0, states: ["a", "b"], count: $0.rawValue + 1, oldest: 4000)
    }
    let lines = lines(population)
    for (index, name) in InstanceStatus.allCases.map(\.name).enumerated() {
      let labels = #"{workflow="F",version="0123456789ab",state="a+b",status="\#(name)"}"#
      #expect(lines.contains("flow_instances\(labels) \(index + 1)"), "\(name)")
    }
    #expect(lines.contains(#"flow_state_age_seconds{workflow="F",state="a+b"} 6"#), "only of those that run")
  }

  @Test("skipped runs are counted for each flow") func skippedRuns() {
    var first = ScheduleRow(flow: "F", start: 0, definition: "d", due: 1)
    first.skipped = 2
    var second = ScheduleRow(flow: "F", start: 1, definition: "d", due: 1)
    second.skipped = 3
    let text = metrics.text([], extent, schedules: [first, second], now: 10_000)
    #expect(text.contains("# TYPE flow_scheduled_runs_skipped_total counter"))
    #expect(text.split(separator: "\n").contains(#"flow_scheduled_runs_skipped_total{workflow="F"} 5"#))
  }

  @Test("the number of label values is limited") func labelLimit() {
    for index in 0..<Family<Counter>.maximumMembers + 10 { metrics.recordRefusal(of: "e\(index)", flow: nil) }
    let events = lines().filter { $0.hasPrefix("flow_events_received_total{") }
    #expect(events.count == Family<Counter>.maximumMembers + 1)
    #expect(events.contains(#"flow_events_received_total{workflow="other",event="other",disposition="other"} 10"#))
  }
}
