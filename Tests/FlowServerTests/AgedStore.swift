import FlowCompiler
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStoreSQLite
import Foundation
import Synchronization

/// A store that was written days ago, as its own engine's clock had it.
final class AgedStore {
  struct Failure: Error { var text: String }

  private final class PastWorld: World {
    private static let day: Int64 = 86_400_000
    private let start = Int64(Date().timeIntervalSince1970 * 1000)
    private let days = Mutex(Int64(0))

    func now() -> Int64 { start - days.withLock { $0 } * PastWorld.day }
    func random(below bound: Int64) -> Int64 { bound - 1 }
    func newID() -> String { UUID().uuidString }
    func variable(_ name: String) -> String? { nil }
    func go(daysAgo: Int64) { days.withLock { $0 = daysAgo } }
  }

  private let engine: Engine
  private let world = PastWorld()

  private init(path: String, source: String) throws {
    let compilation = compile("counter.flow") { _ in Array(source.utf8) }
    guard let program = compilation.program else { throw Failure(text: "\(compilation.diagnostics)") }
    world.go(daysAgo: 100)
    let retention = Retention(hot: 86_400_000, archive: path + ".archive.jsonl")
    engine = try Engine(
      machine: try Machine(program), store: try SQLiteStore(path: path, retention: retention), world: world)
  }

  /// Makes a store, fills it, and closes it.
  static func make(at path: String, source: String, fill: (AgedStore) throws -> Void) throws {
    try fill(try AgedStore(path: path, source: source))
  }

  func send(daysAgo: Int64, _ event: String, _ data: JSON, to key: String) throws {
    world.go(daysAgo: daysAgo)
    _ = try engine.submit(EventCommand(flow: "Counter", key: key, event: event, payload: data)).get()
    _ = try engine.commit()
  }

  /// Starts instances in one transaction, a day ago.
  func begin(_ keys: [String]) throws {
    world.go(daysAgo: 1)
    for key in keys {
      _ = try engine.submit(EventCommand(flow: "Counter", event: "Begin", payload: ["id": .string(key)])).get()
    }
    _ = try engine.commit()
  }

  /// Does all the maintenance that was due.
  func maintain(daysAgo: Int64) throws {
    world.go(daysAgo: daysAgo)
    while try engine.maintain().hasMore {}
  }
}
