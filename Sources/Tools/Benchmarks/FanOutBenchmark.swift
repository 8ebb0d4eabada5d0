import FlowCompiler
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStorePostgres
import FlowStoreSQLite
import Foundation

/// The cost of an item of a call over a list, by the length of the list: each result is a step and a commit of its own.
///
/// `FLOW_BENCH_POSTGRES` is the location of a database for the same measurement on PostgreSQL.
enum FanOutBenchmark {
  static let sizes = [100, 1000, 10_000]

  /// The list is the result of an expression: a list in a data field would be part of the data.
  private static let flow = """
    event Begin { id: string  count: int }
    event Stop { id: string }
    action work(i: int) -> int fails BAD { log "x" }
    flow Many {
      key id
      data { id: string  count: int  done: int = 0 }
      start on Begin -> running do take id, count
      state running {
        call work(i: i) as each for i in lists.range(count) limit 20
        on each.item.done do done = done + 1
        on each.item.failed do log event.code
        on each.done -> over
        on Stop -> over
      }
      final over
    }
    """

  static func run() {
    guard let program = compile("many.flow", load: { _ in Array(flow.utf8) }).program,
      let machine = try? Machine(program)
    else { return report("fan-out", "did not compile") }
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-fan-out-\(getpid())")
    defer { try? FileManager.default.removeItem(at: folder) }
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    measure(machine, on: "SQLite") { size in try SQLiteStore(path: folder.appending(path: "\(size).db").path) }
    guard let location = ProcessInfo.processInfo.environment["FLOW_BENCH_POSTGRES"] else { return }
    measure(machine, on: "PostgreSQL") { size in
      let separator = location.contains("?") ? "&" : "?"
      let database = try PostgresDatabase("\(location)\(separator)schema=fan_out_\(getpid())_\(size)")
      try database.prepare()
      let lease = PostgresLease(database, address: "")
      try lease.seize()
      return try PostgresStore(database, lease: lease, isUnlimited: true)
    }
  }

  private static func measure(_ machine: Machine, on name: String, open: (Int) throws -> any Store) {
    var costs: [Double] = []
    for size in sizes {
      do {
        let cost = try costPerItem(machine, try open(size), size: size)
        costs.append(cost)
        report("an item of \(size) on \(name)", "\(short(cost / 1000)) us")
      } catch {
        return report("fan-out on \(name)", "could not be measured: \(error)")
      }
    }
    // Of the whole call: 1 is linear, and a cost per item that does not depend on their number.
    let exponent = 1 + log10(costs[2] / costs[0]) / 2
    report("growth with the items of a call on \(name)", String(format: "%.2f", exponent), note: "100 to 10000")
  }

  /// Nanoseconds of the processor: the disk and other processes do not count.
  private static func costPerItem(_ machine: Machine, _ store: any Store, size: Int) throws -> Double {
    let engine = try Engine(machine: machine, store: store, world: BenchmarkWorld())
    let start = processorNanoseconds()
    let begin = EventCommand(event: "Begin", payload: ["id": "a", "count": .int(Int64(size))])
    guard case .success = engine.submit(begin) else { throw EngineError(message: "it did not start") }
    _ = try engine.commit()
    var finished = 0
    while finished < size {
      let started = engine.dispatch()
      _ = try engine.commit()
      guard !started.isEmpty else { throw EngineError(message: "\(finished) items finished") }
      for job in started {
        engine.finish(job.job, .done(.int(1)))
        _ = try engine.commit()
        finished += 1
      }
    }
    return Double(processorNanoseconds() - start) / Double(size)
  }
}
