import FlowJSON
import FlowRuntime

/// Looks for rows of a store that can't be true together. Reads only what is new since it looked last.
struct Contradictions {
  /// What the journal says that each instance knows.
  private var folded: [Int64: [String: JSON]] = [:]
  private var revisions: [Int64: Int] = [:]
  private var seen = 0

  /// - Returns: What is wrong, in words.
  mutating func look(at store: MemoryStore) -> [String] {
    var found: [String] = []
    var touched: Set<Int64> = []
    for entry in store.journal[seen...] {
      touched.insert(entry.instance)
      if entry.kind == .step { found += fold(entry) }
    }
    seen = store.journal.count
    for id in touched { found += look(at: id, store) }
    for row in store.instances.values { found += timers(of: row, store) }
    for job in store.jobs.values {
      guard let owner = store.instances[job.instance] else {
        found.append("job \(job.id) belongs to nobody")
        continue
      }
      if job.revision > owner.revision { found.append("job \(job.id) comes of a step that is to come") }
      if job.call != nil, owner.status.hasEnded {
        found.append("job \(job.id) is waited for by \(owner.key), which has ended")
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

  private func look(at id: Int64, _ store: MemoryStore) -> [String] {
    guard let row = store.instances[id] else { return ["the journal tells of instance \(id), which is not there"] }
    var found: [String] = []
    if row.revision != revisions[id] { found.append("\(row.key) is at \(row.revision), its journal is not") }
    let data = (try? JSON(parsing: row.data)) ?? .null
    let told = folded[id] ?? [:]
    for name in Set(told.keys).union(data.members?.map(\.name) ?? []) where data[name] != told[name] {
      let (kept, said) = (data[name]?.text() ?? "nothing", told[name]?.text() ?? "nothing")
      found.append("\(row.flow)/\(row.key): \(name) is \(kept), the journal says \(said)")
    }
    return found
  }

  /// The timers of a running instance are those that it says it has.
  private func timers(of row: InstanceRow, _ store: MemoryStore) -> [String] {
    let kept = store.timersByInstance[row.id] ?? []
    guard !row.status.hasEnded else { return kept.isEmpty ? [] : ["\(row.key) has ended, and has timers"] }
    let position = (try? JSON(parsing: row.position)) ?? .null
    let said = (position["timers"]?.array ?? []).compactMap { timer -> TimerID? in
      guard let transition = timer["transition"]?.int, let armed = timer["armed"]?.int else { return nil }
      return TimerID(instance: row.id, transition: transition, armed: armed)
    }
    return Set(said) == kept ? [] : ["\(row.flow)/\(row.key) has \(kept.count) timers and says \(said.count)"]
  }
}

extension MemoryStore {
  /// What happened to an instance last, for a failing seed.
  func story(of id: Int64) -> String {
    let last = journal.filter { $0.instance == id }.suffix(8)
    return last.map { "\($0.revision) \($0.kind) \($0.body.text())" }.joined(separator: "\n")
  }
}
