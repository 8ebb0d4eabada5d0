import FlowCompiler
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStoreSQLite
import Foundation

/// Durable events per second of the engine and its store alone, by batch size.
enum EngineBenchmark {
  static let instanceCount = 10_000
  static let seconds = 2.0

  static func run() {
    guard let program = compile("counter.flow", load: { _ in Array(ServerBenchmark.counter.utf8) }).program,
      let machine = try? Machine(program)
    else { return report("engine", "did not compile") }
    do {
      let disk = FileManager.default.temporaryDirectory.appending(path: "flow-disk-\(getpid())").path
      let syncs = RawStore.syncsPerSecond(at: disk, seconds: 1) ?? 0
      unlink(disk)
      report("fdatasync of a page", "\(Int(syncs)) /s")
      for size in [1, 16, 64, 256, 1024] { try measure(machine, size) }
    } catch {
      report("engine", "could not be measured: \(error)")
    }
  }

  private static func measure(_ machine: Machine, _ size: Int) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-engine-\(getpid())-\(size)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let store = try SQLiteStore(path: folder.appending(path: "bench.db").path)
    let engine = try Engine(machine: machine, store: store, world: BenchmarkWorld())
    for index in 0..<instanceCount {
      guard case .success = engine.submit(EventCommand(event: "Begin", payload: ["id": .string("c\(index)")])) else {
        return report("engine", "an instance did not start")
      }
      if index % 1000 == 999 { _ = try engine.commit() }
    }
    var latencies: [Double] = []
    var taking: UInt64 = 0
    var (elapsed, processor): (UInt64, UInt64) = (0, 0)
    var events = 0
    while Double(elapsed) < seconds * 1e9 {
      let commands = (events..<events + size).map(command)
      let (start, used) = (nanoseconds(), processorNanoseconds())
      for command in commands { _ = engine.submit(command) }
      events += size
      taking += nanoseconds() - start
      _ = try engine.commit()
      elapsed += nanoseconds() - start
      processor += processorNanoseconds() - used
      latencies.append(Double(nanoseconds() - start) / 1e6)
    }
    let perSecond = Double(events) * 1e9 / Double(elapsed)
    let used = Double(processor) / Double(events) / 1000
    latencies.sort()
    let bytes = RawStore.bytesPerEvent(at: folder.appending(path: "bench.db").path)
    let raw = RawStore.insertsPerSecond(
      at: folder.appending(path: "raw.db").path, size: size, bytes: max(bytes, 1), seconds: seconds / 2)
    let file = folder.appending(path: "same.db").path
    _ = try SQLiteStore(path: file)
    let same = RawStore.sameRows(at: file, size: size, instances: instanceCount, seconds: seconds / 2)
    report(
      "engine and store, batches of \(size)", "\(Int(perSecond)) events/s",
      note: """
        \(share(perSecond, of: same?.perSecond)) of the same rows written by hand, \(share(perSecond, of: raw)) of \
        one plain insert of \(bytes) bytes; \
        \(short(Double(taking) / Double(events) / 1000)) us an event before the commit, \(short(used)) us of the \
        processor in all, by hand \(short(same?.processor ?? 0)); a batch: \
        p50 \(short(latencies[latencies.count / 2])) ms, p99 \(short(latencies[latencies.count * 99 / 100])) ms
        """)
  }
}

/// The next event of a sequence that visits all instances in an order without locality.
private func command(_ number: Int) -> EventCommand {
  let key = "c\(number * 7919 % EngineBenchmark.instanceCount)"
  var command = EventCommand(flow: "Counter", key: key, event: "Add", payload: ["n": 1])
  command.idempotencyKey = "request-\(number)"
  return command
}

private func share(_ part: Double, of whole: Double?) -> String {
  guard let whole, whole > 0 else { return "an unknown part" }
  return "\(short(100 * part / whole)) % (\(Int(whole)))"
}

/// A world with the system clock only.
struct BenchmarkWorld: World {
  func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
  func random(below bound: Int64) -> Int64 { 0 }
  func newID() -> String { "id" }
  func variable(_ name: String) -> String? { nil }
}
