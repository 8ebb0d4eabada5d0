import FlowGenerator
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// No idempotency key of a job is sent with two bodies: over archiving, redriving, forking, migration, restoring a
/// backup, and several stores.
@Suite("Idempotency keys of jobs") struct JobKeyTests {
  private static func text(_ version: Int) -> String {
    """
    event Begin { id: string  what: string }
    event Renew { id: string  what: string }
    event Go { id: string }
    event Close { id: string }
    action send(id: string, what: string) {
      http POST "http://x/" + id { body: {"what": what, "version": "\(version)"} }
      retry 1 backoff 1s..1s
    }
    action shared(what: string) -> string {
      http POST "http://once/" + what { body: {"w": what} }
      retry 1 backoff 1s..1s
    }
    flow Order {
      version \(version)
      key id for 3s
      data { id: string  what: string }
      start on Begin again -> idle do { id = event.id  what = event.what }
      start on Renew -> idle do { id = event.id  what = event.what }
      on Close -> closed
      state idle { on Go -> busy }
      state busy {
        entry send(id: id, what: what)
        call shared(what: what) as once once what
        on once.done -> idle
        on once.failed -> idle
      }
      final closed
    }
    """
  }

  /// The body that was sent with each key.
  private final class Receiver {
    var bodies: [String: String] = [:]
    var problems: [String] = []
    /// The number of different jobs.
    var count: Int { bodies.count }

    func take(_ request: JobRequest) {
      guard case .http(_, let url, _, let body) = request.action else { return }
      let text = "\(url) \(body?.text() ?? "")"
      let known = bodies.updateValue(text, forKey: request.idempotencyKey)
      if let known, known != text { problems.append("\(request.idempotencyKey): \(known), then \(text)") }
    }
  }

  private struct Timeline {
    var path: String
    var world: ManualWorld
    var store: SQLiteStore?
    var engine: Engine?
    var version = 1

    mutating func open() throws {
      engine = nil
      store = nil
      let retention = Retention(hot: 5000, keys: 1, archive: path + ".archive.jsonl")
      let opened = try SQLiteStore(path: path, retention: retention)
      store = opened
      engine = try Engine(machine: TestEngine.make(JobKeyTests.text(version)).get(), store: opened, world: world)
    }
  }

  @Test("in random histories, no idempotency key is sent with two different bodies", arguments: 0..<12)
  func randomHistories(_ seed: Int) throws {
    var random = SplitMix64(seed: seed)
    func roll(_ sides: Int) -> Int { random.next(below: sides) }
    let folder = try Folder()
    let receiver = Receiver()
    let world = ManualWorld()
    var timelines = [Timeline(path: folder.path, world: world)]
    try timelines[0].open()
    var step = 0
    while step < 160 {
      step += 1
      let index = roll(timelines.count)
      let id = JSON.string("o\(roll(3))")
      switch roll(16) {
      case 0...2:
        _ = timelines[index].engine?.submit(
          EventCommand(event: ["Begin", "Renew"][roll(2)], payload: ["id": id, "what": .string("w\(roll(3))")]))
      case 3...5: _ = timelines[index].engine?.submit(EventCommand(event: "Go", payload: ["id": id]))
      case 6, 7: _ = timelines[index].engine?.submit(EventCommand(event: "Close", payload: ["id": id]))
      case 8: world.advance(Int64(roll(8000)))
      case 9: _ = try timelines[index].engine?.maintain()
      case 10: _ = timelines[index].engine?.fork(ForkCommand(flow: "Order", key: id.string ?? "", copy: nil))
      case 11: _ = timelines[index].engine?.operate(OperatorCommand(.migrate, flow: "Order", key: id.string ?? ""))
      case 12:
        for dead in try SQLiteQueries(path: timelines[index].path).deadLetters(flow: nil, after: 0, limit: 1) {
          _ = timelines[index].engine?.redrive(dead.row.job.id)
        }
      case 13 where timelines.count < 4:
        // A backup is restored, and both timelines continue.
        let path = folder.path + ".\(timelines.count)"
        try StoreFile.backup(timelines[index].path, to: path + ".backup")
        try StoreFile.restore(path + ".backup", to: path)
        var copy = Timeline(path: path, world: world, version: timelines[index].version)
        try copy.open()
        timelines.append(copy)
      case 14 where timelines.count < 4 && roll(3) == 0:
        var other = Timeline(path: folder.path + ".s\(timelines.count)", world: world)
        try other.open()
        timelines.append(other)
      case 15:
        if roll(2) == 0 { timelines[index].version += 1 }
        try timelines[index].open()
      default: break
      }
      _ = try #require(timelines[index].engine).commit()
      for (job, request) in try #require(timelines[index].engine).dispatch() {
        receiver.take(request)
        let isDone = roll(3) > 0
        try #require(timelines[index].engine).finish(job, isDone ? .done("done") : .unreachable("lost"))
      }
      _ = try #require(timelines[index].engine).commit()
    }
    #expect(receiver.problems == [])
    #expect(receiver.count > 10)
  }

  @Test("a second run under an archived key has a different idempotency key")
  func archivedKey() throws {
    let folder = try Folder()
    let world = ManualWorld()
    let receiver = Receiver()
    var timeline = Timeline(path: folder.path, world: world)
    try timeline.open()
    let engine = try #require(timeline.engine)
    for what in ["first", "second"] {
      _ = try engine.submit(EventCommand(event: "Begin", payload: ["id": "a", "what": .string(what)])).get()
      _ = try engine.submit(EventCommand(event: "Go", payload: ["id": "a"])).get()
      _ = try engine.commit()
      for (job, request) in engine.dispatch() {
        receiver.take(request)
        engine.finish(job, .done("done"))
      }
      _ = try engine.submit(EventCommand(event: "Close", payload: ["id": "a"])).get()
      _ = try engine.commit()
      world.advance(6000)
      while try engine.maintain().hasMore {}
      #expect(try timeline.store?.instance(flow: "Order", key: "a") == nil)
    }
    #expect(receiver.problems == [])
    #expect(receiver.count == 4)
  }

  private static let undone = """
    event Begin { id: string  n: int }
    event Back { id: string }
    event Again { id: string }
    action book(id: string, n: int) -> string { http POST "http://book/" + id { body: {"n": n} } }
    action cancel(ref: string) { http POST "http://cancel/" + ref }
    flow Trip {
      key id
      data { id: string  n: int }
      start on Begin -> booking do { id = event.id  n = event.n }
      state booking {
        call book(id: id, n: n) as room once id undo cancel(ref: room.result)
        on room.done -> booked
        on room.failed -> idle
      }
      state booked { on Back -> undoing }
      state undoing { rollback  on rollback.done -> idle  on rollback.failed -> idle }
      state idle { on Again -> booking }
      ongoing
    }
    """

  /// A receiver that remembers keys would otherwise answer with the booking that was cancelled.
  @Test("work that was undone is sent again under another key, also after a restart")
  func undoneWork() throws {
    let folder = try Folder()
    let machine = try TestEngine.make(JobKeyTests.undone).get()
    let world = ManualWorld()
    var store: SQLiteStore? = try SQLiteStore(path: folder.path)
    var engine = try Engine(machine: machine, store: try #require(store), world: world)
    var keys: [String] = []
    func act(_ event: String, _ payload: JSON, ending outcome: JobOutcome?) throws {
      _ = try engine.submit(EventCommand(event: event, payload: payload)).get()
      _ = try engine.commit()
      for (job, request) in engine.dispatch() {
        keys.append(request.idempotencyKey)
        if let outcome { engine.finish(job, outcome) }
      }
      _ = try engine.commit()
    }
    try act("Begin", ["id": "t", "n": 1], ending: .done("r1"))
    try act("Back", ["id": "t"], ending: .done(.null))
    engine = try Engine(machine: machine, store: MemoryStore(), world: world)
    store = nil
    store = try SQLiteStore(path: folder.path)
    engine = try Engine(machine: machine, store: try #require(store), world: world)
    try act("Again", ["id": "t"], ending: .done("r2"))
    #expect(keys.count == 3, "booked, cancelled and booked again")
    #expect(keys[0] != keys[2], "\(keys)")
    #expect(keys[0].contains("/once/book/t/0-") && keys[2].contains("/once/book/t/1-"), "\(keys)")
    try act("Back", ["id": "t"], ending: .done(.null))
    try act("Again", ["id": "t"], ending: .done("r3"))
    #expect(Set(keys).count == 5, "\(keys)")
  }
}
