import FlowJSON
import FlowRuntime

/// Finds rows of a store that contradict each other. Reads only rows that are new since the last inspection.
struct Contradictions {
  /// The state of each instance according to the journal.
  private var folded: [Int64: [String: JSON]] = [:]
  private var revisions: [Int64: Int] = [:]
  private var seen = 0

  /// - Returns: Descriptions of the contradictions.
  mutating func inspect(_ store: MemoryStore) -> [String] {
    var found: [String] = []
    var touched: Set<Int64> = []
    for entry in store.journal[seen...] {
      touched.insert(entry.instance)
      if entry.kind == .step { found += fold(entry) }
    }
    seen = store.journal.count
    for id in touched { found += contradictions(of: id, store) }
    for row in store.instances.values { found += timers(of: row, store) + items(of: row, store) }
    for job in store.jobs.values {
      guard let owner = store.instances[job.instance] else {
        found.append("job \(job.id) belongs to no instance")
        continue
      }
      if job.revision > owner.revision { found.append("job \(job.id) belongs to a future step") }
      if job.call != nil, owner.status.hasEnded {
        found.append("job \(job.id) belongs to a call of \(owner.key), which has ended")
      }
    }
    return found
  }

  private mutating func fold(_ entry: JournalEntry) -> [String] {
    let before = revisions[entry.instance] ?? 0
    revisions[entry.instance] = entry.revision
    if entry.body["created"] == true || entry.body["operator"]?["action"] == "migrate" { folded[entry.instance] = [:] }
    for change in entry.body["changes"]?.members ?? [] {
      folded[entry.instance, default: [:]][change.name] = change.value
    }
    return entry.revision == before + 1
      ? [] : ["\(entry.flow)/\(entry.key) went from revision \(before) to \(entry.revision)"]
  }

  private func contradictions(of id: Int64, _ store: MemoryStore) -> [String] {
    guard let row = store.instances[id] else {
      return ["the journal has entries of instance \(id), which does not exist"]
    }
    var found: [String] = []
    if row.revision != revisions[id] { found.append("\(row.key) is at \(row.revision), its journal is not") }
    let data = (try? JSON(parsing: row.data)) ?? .null
    let journaled = folded[id] ?? [:]
    for name in Set(journaled.keys).union(data.members?.map(\.name) ?? []) where data[name] != journaled[name] {
      let (stored, expected) = (data[name]?.text() ?? "nothing", journaled[name]?.text() ?? "nothing")
      found.append("\(row.flow)/\(row.key): \(name) is \(stored), in the journal \(expected)")
    }
    return found
  }

  /// The stored items of calls over lists are those that the state of a running instance counts.
  private func items(of row: InstanceRow, _ store: MemoryStore) -> [String] {
    var stored: [Int: Int] = [:]
    for id in store.items.keys where id.instance == row.id { stored[id.call, default: 0] += 1 }
    let lists = (try? JSON(parsing: row.position))?["lists"]?.array ?? []
    let expected = Dictionary(lists.map { ($0["call"]?.int ?? -1, $0["count"]?.int ?? -1) }) { $1 }
    return stored == expected ? [] : ["\(row.flow)/\(row.key) has the items \(stored), and counts \(expected)"]
  }

  /// The stored timers of a running instance equal those in its state.
  private func timers(of row: InstanceRow, _ store: MemoryStore) -> [String] {
    let stored = store.timersByInstance[row.id] ?? []
    guard !row.status.hasEnded else { return stored.isEmpty ? [] : ["\(row.key) has ended, and has timers"] }
    let position = (try? JSON(parsing: row.position)) ?? .null
    let expected = (position["timers"]?.array ?? []).compactMap { timer -> TimerID? in
      guard let transition = timer["transition"]?.int, let armed = timer["armed"]?.int else { return nil }
      return TimerID(instance: row.id, transition: transition, armed: armed)
    }
    return Set(expected) == stored
      ? [] : ["\(row.flow)/\(row.key) has \(stored.count) timers and \(expected.count) in its state"]
  }
}

extension MemoryStore {
  /// The last entries of an instance, for a failing seed.
  func story(of id: Int64) -> String {
    let last = journal.filter { $0.instance == id }.suffix(8)
    return last.map { "\($0.revision) \($0.kind) \($0.body.text())" }.joined(separator: "\n")
  }
}
