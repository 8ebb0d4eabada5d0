import FlowJSON
import FlowRuntime
import FlowStorePostgres
import FlowStoreSQLite
import FlowTestSupport
import Foundation
import Testing

/// The stores on which the tests of this target run.
enum StoreKind: String, CaseIterable, Sendable {
  case memory, sqlite, postgres

  /// The stores to test; PostgreSQL takes a server, which `make test-postgres` starts.
  static var allCases: [StoreKind] { PostgresServer.isWanted ? [.memory, .sqlite, .postgres] : [.memory, .sqlite] }

  /// A new store, with the folder of its file.
  func make() throws -> (store: any Store, folder: Folder) {
    let folder = try Folder()
    return (try open(folder), folder)
  }

  /// Opens the store of a folder again, as after a crash; one in memory is new.
  func open(_ folder: Folder) throws -> any Store {
    switch self {
    case .memory: return MemoryStore()
    case .sqlite: return try SQLiteStore(path: folder.path)
    case .postgres:
      let database = try PostgresDatabase(folder.location.get())
      try database.prepare()
      let lease = PostgresLease(database, address: "")
      try lease.seize()
      return try PostgresStore(database, lease: lease, isUnlimited: true)
    }
  }
}

/// A folder that is removed after the test.
final class Folder {
  let url: URL
  /// A schema of the PostgreSQL server of the tests.
  private(set) lazy var location = Result { try PostgresServer.shared().newLocation() }
  var path: String { url.appending(path: "test.db").path }

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "flow-engine-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// The contract of a store.
@Suite("Stores") struct StoreTests {
  private func instance(_ id: Int64, _ key: String, revision: Int = 1) -> InstanceRow {
    InstanceRow(
      id: id, flow: "F", key: key, definition: "d", status: .running, revision: revision, startedAt: 5, updatedAt: 6,
      position: Array("{}".utf8), data: Array(#"{"a":"ü"}"#.utf8), incident: "")
  }

  private func job(_ id: Int64, queue: String? = nil, due: JobDue = .at(10), once: String? = nil) -> JobRow {
    JobRow(
      id: id, instance: 1, revision: 1, number: Int(id), action: "a", queue: queue, call: id == 1 ? 0 : nil, once: once,
      due: due, arguments: Array("{}".utf8))
  }

  private func entry(_ sequence: Int64, instance: Int64 = 1) -> JournalEntry {
    JournalEntry(
      sequence: sequence, instance: instance, flow: "F", key: "k", revision: 1, kind: .step, at: 7, body: ["x": 1])
  }

  private func first() -> StoreBatch {
    var batch = StoreBatch()
    batch.definitions["d"] = Array("{}".utf8)
    batch.instances[1] = instance(1, "k")
    batch.created = [1]
    batch.journal = [entry(1), entry(2)]
    batch.identity = "here"
    return batch
  }

  @Test(
    "a committed batch can be read",
    arguments: StoreKind.allCases) func commit(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    #expect(try store.counters() == StoreCounters())
    try store.commit(first())
    #expect(try store.instance(flow: "F", key: "k") == instance(1, "k"))
    #expect(try store.instance(id: 1) == instance(1, "k"))
    #expect(try store.instance(flow: "F", key: "K") == nil)
    #expect(try store.definition(hash: "d") == Array("{}".utf8))
    #expect(try store.counters() == StoreCounters(sequence: 2, instance: 1, job: 0, identity: "here"))
  }

  @Test(
    "keys are compared by bytes",
    arguments: StoreKind.allCases) func keys(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    let keys = ["a", "a\u{0}", "a\u{0}b", "\u{E9}", "e\u{301}", "A", " a", String(repeating: "x", count: 512)]
    var batch = StoreBatch()
    batch.definitions["d"] = Array("{}".utf8)
    for (index, key) in keys.enumerated() {
      batch.instances[Int64(index + 1)] = instance(Int64(index + 1), key)
      batch.created.insert(Int64(index + 1))
      batch.answers.append(IdempotencyRow(scope: "s", key: key, digest: Int64(index), sequence: 1, at: 1))
    }
    try store.commit(batch)
    for (index, key) in keys.enumerated() {
      let row = try store.instance(flow: "F", key: key)
      #expect(row?.id == Int64(index + 1) && row?.key.utf8.elementsEqual(key.utf8) == true)
      #expect(try store.answer(scope: "s", key: key)?.digest == Int64(index))
    }
  }

  @Test(
    "the running instances of a flow are read page by page",
    arguments: StoreKind.allCases) func runningInstances(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    var batch = StoreBatch()
    batch.definitions["d"] = Array("{}".utf8)
    for id in Int64(1)...30 {
      var row = instance(id, "k\(id)")
      if id % 3 == 0 { row.flow = "G" }
      row.status = id % 5 == 0 ? .done : id % 4 == 0 ? .suspended : .running
      batch.instances[id] = row
      batch.created.insert(id)
    }
    try store.commit(batch)
    let wanted = (Int64(1)...25).filter { $0 % 3 != 0 && $0 % 5 != 0 }
    for (limit, visits) in [(1, 1), (3, 100), (100, 2), (100, 100)] {
      var (found, after): ([Int64], Int64) = ([], 0)
      while true {
        let page = try store.runningInstances(of: "F", after: after, upTo: 25, limit: limit, visiting: visits)
        #expect(page.ids.count <= limit)
        found += page.ids
        guard let end = page.end else { break }
        #expect(end > after)
        after = end
      }
      #expect(found == wanted, "at most \(limit) of \(visits) visited")
    }
  }

  @Test(
    "journal entries are found by their offset",
    arguments: StoreKind.allCases) func entries(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    try store.commit(first())
    #expect(try store.entry(sequence: 2) == entry(2))
    #expect(try store.entry(sequence: 3) == nil)
  }

  @Test("idempotency records are deleted after their window") func idempotencyWindow() throws {
    let folder = try Folder()
    let store = try SQLiteStore(path: folder.path)
    let answers = { (from: Int64, at: Int64) in
      (from..<from + 10).map { IdempotencyRow(scope: "s", key: "k\($0)", digest: 1, sequence: $0, at: at) }
    }
    var batch = StoreBatch()
    let window = SQLiteStore.answerWindow
    batch.answers = answers(0, 1000)
    try store.commit(batch)
    batch.answers = answers(10, window - 1)
    try store.commit(batch)
    _ = try store.maintain(now: window + 1000, isIdle: true)
    #expect(try store.answer(scope: "s", key: "k0") != nil, "within the window")
    batch.answers = answers(20, window + 2000)
    try store.commit(batch)
    _ = try store.maintain(now: 2 * window + 2000, isIdle: true)
    #expect(try store.answer(scope: "s", key: "k9") == nil && store.answer(scope: "s", key: "k10") == nil)
    #expect(try store.answer(scope: "s", key: "k20")?.sequence == 20)
  }

  @Test(
    "a batch with a stale revision fails as a whole",
    arguments: StoreKind.allCases) func staleRevision(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    try store.commit(first())
    var batch = StoreBatch()
    batch.instances[1] = instance(1, "k", revision: 3)
    try store.commit(batch)
    batch.instances[1] = instance(1, "k", revision: 2)
    batch.journal = [entry(3)]
    #expect(throws: StoreError.fatal("another process has written to the store")) { try store.commit(batch) }
    #expect(try store.instance(id: 1)?.revision == 3)
    #expect(try store.counters().sequence == 2, "a failed batch has no effect")
  }

  @Test(
    "due timers are returned in order, and can be changed and removed",
    arguments: StoreKind.allCases) func timers(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    let ids = (0..<4).map { TimerID(instance: Int64($0), transition: $0, armed: 1) }
    var batch = StoreBatch()
    for (index, due) in [30, 10, 20, 40].enumerated() { batch.timers[ids[index]] = Int64(due) }
    try store.commit(batch)
    #expect(try store.dueTimers(at: 30, limit: 10).map(\.id) == [ids[1], ids[2], ids[0]])
    #expect(try store.dueTimers(at: 30, limit: 2).map(\.due) == [10, 20])
    #expect(try store.nextTimer(after: 30) == 40)
    batch = StoreBatch()
    batch.timers = [ids[1]: Int64?.none, ids[2]: 50]
    try store.commit(batch)
    #expect(try store.dueTimers(at: 30, limit: 10).map(\.id) == [ids[0]])
    #expect(try store.nextTimer(after: 40) == 50)
    #expect(try store.nextTimer(after: 50) == nil)
  }

  @Test(
    "jobs are found by queue, due time and lease",
    arguments: StoreKind.allCases) func jobs(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    var batch = StoreBatch()
    var leased = job(3, queue: "q")
    leased.lease = 100
    leased.fence = 4
    leased.outcome = Array("{}".utf8)
    for row in [
      job(1, due: .at(30)), job(2, due: .at(20), once: "o"), leased, job(4, queue: "q"), job(5, due: .onEnd, once: "o"),
    ] {
      batch.jobs[row.id] = row
    }
    batch.lastJob = 9
    try store.commit(batch)
    #expect(try store.dueJobs(queue: nil, at: 30, limit: 10).map(\.id) == [2, 1])
    #expect(try store.dueJobs(queue: nil, at: 30, limit: 1).map(\.id) == [2])
    #expect(try store.dueJobs(queue: "q", at: 30, limit: 10).map(\.id) == [4])
    #expect(try store.expiredLeases(at: 99, limit: 10).isEmpty)
    #expect(try store.expiredLeases(at: 100, limit: 10).map(\.id) == [3])
    #expect(try store.nextLease(after: 99) == 100)
    #expect(try store.nextLease(after: 100) == nil)
    #expect(try store.dueJobs(queue: "p", at: 100, limit: 10).isEmpty)
    #expect(try store.nextJob(after: 20) == 30)
    #expect(try store.job(id: 3) == leased)
    #expect(try store.jobs(instance: 1).map(\.id) == [1, 2, 3, 4, 5])
    #expect(try store.jobs(once: "o").map(\.id) == [2, 5])
    batch = StoreBatch()
    batch.jobsRemoved = [1, 2, 3, 4, 5]
    try store.commit(batch)
    #expect(try store.jobs(instance: 1).isEmpty)
    #expect(try store.counters().job == 9, "numbers are not reused")
  }

  @Test(
    "a `once` row is stored until it is removed",
    arguments: StoreKind.allCases) func onceRows(_ kind: StoreKind) throws
  {
    let (store, folder) = try kind.make()
    defer { withExtendedLifetime(folder) {} }
    var batch = StoreBatch()
    batch.once[ExactText("o")] = OnceRow(key: "o", job: 3, outcome: [])
    try store.commit(batch)
    #expect(try store.once(key: "o") == OnceRow(key: "o", job: 3, outcome: []))
    batch.once[ExactText("o")] = OnceRow(key: "o", job: 3, outcome: Array("1".utf8))
    try store.commit(batch)
    #expect(try store.once(key: "o")?.outcome == Array("1".utf8))
    batch.once[ExactText("o")] = OnceRow(key: "o", job: 0, outcome: [])
    try store.commit(batch)
    #expect(try store.once(key: "o") == nil)
  }

  @Test("queries return committed rows") func queries() throws {
    let folder = try Folder()
    let store = try SQLiteStore(path: folder.path)
    try store.commit(first())
    let queries = try SQLiteQueries(path: folder.path)
    #expect(try queries.lastSequence() == 2)
    #expect(try queries.journal(after: 0, limit: 10).map(\.sequence) == [1, 2])
    #expect(try queries.journal(after: 1, limit: 10).rows == [entry(2)])
    #expect(try queries.history(instance: 1, after: 0, limit: 1).map(\.sequence) == [1])
    #expect(try queries.instance(flow: "F", key: "k") == instance(1, "k"))
    var batch = StoreBatch()
    for id in Int64(2)...5 {
      batch.instances[id] = instance(id, "k\(id)")
      batch.created.insert(id)
    }
    try store.commit(batch)
    var filter = InstanceFilter(flow: "F")
    filter.status = .running
    #expect(try queries.instances(filter, after: 2, limit: 2).map(\.id) == [3, 4])
    filter.isNewestFirst = true
    #expect(try queries.instances(filter, after: nil, limit: 2).map(\.id) == [5, 4])
    #expect(try queries.instances(filter, after: 4, limit: 1).map(\.id) == [3])
    filter.keyPrefix = "k5"
    #expect(try queries.instances(filter, after: nil, limit: 9).map(\.key) == ["k5"])
    filter = InstanceFilter()
    filter.status = .done
    #expect(try queries.instances(filter, after: nil, limit: 9).isEmpty)
  }
}
