import FlowCompiler
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStorePostgres
import FlowStoreSQLite
import Foundation
import Synchronization

/// A million waiting instances: their memory, the time of a restart, and the delay of timers.
///
/// `FLOW_BENCH_POSTGRES` is the location of a database for the same measurement on a copy of the store, and of a node
/// that starts on it.
enum TimerBenchmark {
  /// The number of instances; `FLOW_BENCH_TIMERS` changes it.
  static let count = ProcessInfo.processInfo.environment["FLOW_BENCH_TIMERS"].flatMap { Int($0) } ?? 1_000_000

  private static let flow = """
    event Begin { id: string  wait: int }
    flow Sleeper {
      key id
      data { id: string  wait: int = 0 }
      start on Begin -> asleep do { id = event.id  wait = event.wait }
      state asleep { at self.started_at + duration(string(wait) + "ms") -> awake }
      state awake { after 90d -> over }
      final over
    }
    """

  static func run() {
    guard let program = compile("sleeper.flow", load: { _ in Array(flow.utf8) }).program,
      let machine = try? Machine(program)
    else { return report("timers", "did not compile") }
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-timers-\(getpid())")
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let path = folder.appending(path: "bench.db").path
      let clock = MovableClock()
      try fill(machine, store: path, clock: clock)
      try measure(machine, on: "SQLite", clock: clock) { try SQLiteStore(path: path) }
      if let location = ProcessInfo.processInfo.environment["FLOW_BENCH_POSTGRES"] {
        try run(machine, copyOf: path, on: location, in: folder)
      }
    } catch {
      report("timers", "could not be measured: \(error)")
    }
  }

  /// Copies a store to a database, measures the engine on it, and then a node that starts on the same store.
  private static func run(_ machine: Machine, copyOf path: String, on location: String, in folder: URL) throws {
    let store = "\(location)\(location.contains("?") ? "&" : "?")schema=timers_\(getpid())"
    let copying = nanoseconds()
    let copy = Process()
    copy.executableURL = Bundle.main.bundleURL.appending(path: "flow")
    copy.arguments = ["store", "copy", path, store]
    copy.standardOutput = FileHandle.nullDevice
    try copy.run()
    copy.waitUntilExit()
    guard copy.terminationStatus == 0 else { throw BenchmarkServer.NotStarted() }
    report(
      "\(count) instances to PostgreSQL", "\(Int(Double(count) * 1e9 / Double(nanoseconds() - copying))) /s",
      note: "copied and compared")
    let database = try PostgresDatabase(store)
    let lease = PostgresLease(database, address: "")
    try measure(machine, on: "PostgreSQL", clock: MovableClock()) {
      try lease.seize()
      return try PostgresStore(database, lease: lease, isUnlimited: true)
    }
    try lease.release()
    let file = folder.appending(path: "sleeper.flow")
    try flow.write(to: file, atomically: true, encoding: .utf8)
    let begin = nanoseconds()
    let node = try BenchmarkServer(file: file.path, store: store)
    defer { node.stop() }
    try node.waitUntilReady()
    let ready = Double(nanoseconds() - begin) / 1e6
    usleep(10_000_000)
    report(
      "a node with \(count) timers on PostgreSQL", "\(short(Double(node.residentBytes) / 1_048_576)) MB",
      note: "resident ten seconds after its start; owner in \(short(ready)) ms")
  }

  /// Creates the instances; their timers are spread over an hour, in no order.
  private static func fill(_ machine: Machine, store path: String, clock: MovableClock) throws {
    clock.stop()
    let begin = nanoseconds()
    let engine = try Engine(machine: machine, store: SQLiteStore(path: path), world: clock)
    for index in 0..<count {
      let wait = Int64(index) * 7919 % 3_600_000
      _ = engine.submit(
        EventCommand(event: "Begin", payload: ["id": .string("s\(index)"), "wait": .int(60_000 + wait)]))
      if index % 1024 == 1023 { _ = try engine.commit() }
    }
    _ = try engine.commit()
    report(
      "\(count) instances on SQLite", "\(Int(Double(count) * 1e9 / Double(nanoseconds() - begin))) /s", note: "started")
  }

  private static func measure(
    _ machine: Machine, on name: String, clock: MovableClock, open: () throws -> any Store
  ) throws {
    let before = memory()
    let begin = nanoseconds()
    let engine = try Engine(machine: machine, store: open(), world: clock)
    engine.fireTimers()
    _ = try engine.commit()
    let start = Double(nanoseconds() - begin) / 1e6
    // A minute later, for ten seconds of real time.
    clock.resume(later: 60_000)
    let from = clock.now()
    var latest: Int64 = 0
    var fired = 0
    while clock.now() < from + 10_000 {
      engine.fireTimers()
      for entry in try engine.commit() {
        guard let due = entry.body["timer"]?["due"]?.string else { continue }
        fired += 1
        latest = max(latest, entry.at - (milliseconds(due) ?? entry.at))
      }
      if engine.nextDue.map({ $0 > clock.now() }) ?? true { usleep(1000) }
    }
    report(
      "\(count) timers on \(name)", "\(short(Double(memory()) / 1_048_576)) MB",
      note: """
        resident, \(short(Double(memory() - before) / 1_048_576)) MB of it for them; ready in \(short(start)) ms; \
        \(fired) fired in ten seconds, none more than \(latest) ms late
        """)
  }

  private static func milliseconds(_ text: String) -> Int64? {
    (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))))
      .map { Int64(($0.timeIntervalSince1970 * 1000).rounded()) }
  }

  private static func memory() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
  }
}

/// The system clock, which can be stopped and moved forward.
private final class MovableClock: World {
  private let state = Mutex<(stoppedAt: Int64?, offset: Int64)>((nil, 0))

  private static var real: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  func stop() {
    let now = now()
    state.withLock { $0.stoppedAt = now }
  }

  func resume(later milliseconds: Int64) {
    let instant = now() + milliseconds
    state.withLock { $0 = (nil, instant - MovableClock.real) }
  }

  func now() -> Int64 { state.withLock { $0.stoppedAt ?? MovableClock.real + $0.offset } }
  func random(below bound: Int64) -> Int64 { 0 }
  func newID() -> String { "id" }
  func variable(_ name: String) -> String? { nil }
}
