import FlowJSON
import FlowRuntime

extension TestEngine {
  /// A flow whose instances receive broadcasts, and one that emits them.
  static let broadcastText = """
    event Join { id: string }
    event Leave { id: string }
    event Proclaim { id: string  number: int }
    internal event Bulletin { number: int }

    flow Member {
      key id
      data { id: string  heard: list<int> max 100000 = [] }
      start on Join again -> active do id = event.id
      state active {
        on Bulletin do heard = heard + [event.number]
        on Leave -> gone
      }
      final gone
    }

    flow Herald {
      key id
      data { id: string }
      start on Proclaim again -> said do {
        id = event.id
        emit Bulletin{number: event.number} to Member
      }
      final said
    }
    """
}

extension MemoryStore {
  /// The broadcasts that running instances have not received once, and those that others have received.
  func wrongBroadcasts() -> [String] {
    var found: [String] = []
    for run in memberRuns() {
      for emission in journal where emission.kind == .emit && emission.body["to"] == "Member" {
        let number = emission.body["data"]?["number"]?.int ?? -1
        let count = run.heard.count { $0 == number }
        let wasRunning = run.start < emission.sequence && emission.sequence < run.end ?? .max
        let expected = !wasRunning ? 0...0 : run.end == nil ? 1...1 : 0...1
        if !expected.contains(count) {
          found.append("bulletin \(number) reached the run of \(run.key) from \(run.start) on \(count) times")
        }
      }
    }
    return found
  }

  /// The runs of members, from the sequence number of the first entry to that of the last; nil for those that go on.
  private func memberRuns() -> [(key: String, start: Int64, end: Int64?, heard: [Int])] {
    var runs: [(key: String, start: Int64, end: Int64?, heard: [Int])] = []
    for entry in journal where entry.flow == "Member" {
      if entry.body["created"] == true { runs.append((entry.key, entry.sequence, nil, [])) }
      guard let index = runs.lastIndex(where: { $0.key == entry.key }) else { continue }
      if entry.body["event"]?["type"] == "Bulletin", let number = entry.body["event"]?["data"]?["number"]?.int {
        runs[index].heard.append(number)
      }
      if let status = entry.body["status"]?.string, status != "running" { runs[index].end = entry.sequence }
    }
    return runs
  }
}
