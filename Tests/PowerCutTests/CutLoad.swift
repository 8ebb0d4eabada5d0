import FlowCompiler
import FlowDiagnostics
import FlowGenerator
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource
import Foundation
import Synchronization

@testable import FlowStoreSQLite

/// A world with a manual clock.
final class CutWorld: World {
  private let state = Mutex((now: Int64(1_000_000), names: 0))

  func now() -> Int64 { state.withLock { $0.now } }
  func random(below bound: Int64) -> Int64 { bound - 1 }
  func newID() -> String {
    state.withLock { state in
      state.names += 1
      return "n\(state.names)"
    }
  }
  func variable(_ name: String) -> String? { nil }
  func advance(_ milliseconds: Int64) { state.withLock { $0.now += milliseconds } }
}

/// The answers that clients have received.
struct ClientRecords {
  struct Acknowledgement {
    var command: EventCommand
    var answer: EventAnswer
    /// In milliseconds since 1970.
    var at: Int64
  }

  var acknowledged: [Acknowledgement] = []
  /// Jobs whose completion was acknowledged to the worker.
  var ended: Set<Int64> = []
}

/// The engine with its real store under a random load, controlled by the test.
final class CutLoad {
  /// A planted bug of the engine or its store that the power cuts have to find.
  enum Bug: CaseIterable {
    /// `synchronous=NORMAL`: commits since the last checkpoint are not on the disk.
    case syncsAtCheckpointsOnly
    /// `synchronous=OFF`: no write is waited for.
    case neverSyncs
    /// Clients are answered before the data is on the disk.
    case answersBeforeCommit
    /// Instances are removed from the store before their lines in the archive are on the disk.
    case archivesWithoutSync
  }

  struct Failure: Error, CustomStringConvertible { var description: String }

  static let text = """
    event Begin { id: string }
    event Add { id: string  n: int  text: string }
    event Pay { id: string }
    event Close { id: string }

    action charge(id: string) -> string { http POST "http://pay/" + id  retry 2 backoff 1s..3s }
    action note(id: string) { http POST "http://note/" + id  retry 1 backoff 1s..1s }

    flow Counter {
      key id
      data { id: string  seen: list<int> = []  text: string = ""  ticks: int = 0  receipt: string = "" }
      start on Begin again -> counting do id = event.id
      on Add do { seen = seen + [event.n]  text = event.text }
      on Close -> closed
      state counting {
        every 10s do ticks = ticks + 1
        on Pay -> paying
      }
      state paying {
        call charge(id: id) as pay
        on pay.done -> counting do receipt = event.result
        on pay.failed -> counting
      }
      final closed { entry note(id: id) }
    }
    """

  static let machine = Result<Machine, any Error> {
    let compilation = compile("cut.flow") { $0 == "cut.flow" ? Array(text.utf8) : nil }
    guard let program = compilation.program else {
      throw Failure(description: PrettyRenderer(sources: compilation.sources).render(compilation.diagnostics))
    }
    return try Machine(program)
  }

  static func retention(_ path: String) -> Retention {
    var retention = Retention(hot: 20_000, archive: path + ".archive")
    retention.archiveBytes = 20_000
    retention.entries = 3
    return retention
  }

  let path: String
  let world: CutWorld
  private(set) var store: SQLiteStore?
  private(set) var engine: Engine?
  private(set) var clients = ClientRecords()
  private let bug: Bug?
  /// The disk that records the writes of the archive.
  weak var disk: Disk?
  private var random: SplitMix64
  private var underWay: [Int64] = []
  private var count = 0

  init(path: String, seed: Int, bug: Bug? = nil, world: CutWorld = CutWorld()) {
    self.path = path
    self.bug = bug
    self.world = world
    random = SplitMix64(seed: seed)
  }

  /// Opens the store and starts an engine on it.
  func open() throws {
    let opened = try unlocked()
    switch bug {
    case .syncsAtCheckpointsOnly: try opened.connection.run("PRAGMA synchronous = NORMAL")
    case .neverSyncs: try opened.connection.run("PRAGMA synchronous = OFF")
    case .answersBeforeCommit, .archivesWithoutSync, nil: break
    }
    if let disk {
      opened.archiveFile?.observer = { [bug] operation in
        if bug == .archivesWithoutSync, case .synced = operation { return }
        disk.note(operation)
      }
    }
    store = opened
    engine = try Engine(machine: CutLoad.machine.get(), store: opened, world: world)
  }

  /// A process started by another test inherits the lock until it executes its program.
  private func unlocked() throws -> SQLiteStore {
    for _ in 0..<500 {
      do throws(StoreError) {
        return try SQLiteStore(path: path, retention: CutLoad.retention(path), answerRun: 20)
      } catch {
        guard error.message.contains("another process serves this store") else { throw error }
        usleep(10_000)
      }
    }
    throw Failure(description: "the lock is never free")
  }

  /// Shuts both down in an orderly way.
  func close() {
    underWay = []
    engine = nil
    store = nil
  }

  /// One random operation on the engine.
  func step() throws {
    switch random.next(below: 20) {
    case 0...8: try take()
    case 9...12: try turn()
    case 13...15: try finish()
    case 16, 17: try wait()
    case 18: try maintain()
    default:
      close()
      try open()
    }
  }

  private func running() throws -> Engine {
    guard let engine else { throw Failure(description: "the engine is not open") }
    return engine
  }

  /// A batch of events; each client receives its answer after the commit.
  private func take() throws {
    let engine = try running()
    var answered: [ClientRecords.Acknowledgement] = []
    for _ in 0...random.next(below: 6) {
      let command = someEvent()
      if case .success(let answer) = engine.submit(command) {
        answered.append(.init(command: command, answer: answer, at: world.now()))
      }
    }
    if bug == .answersBeforeCommit { clients.acknowledged += answered }
    _ = try engine.commit()
    if bug != .answersBeforeCommit { clients.acknowledged += answered }
  }

  private func someEvent() -> EventCommand {
    count += 1
    let id = JSON.string("i\(random.next(below: 12))")
    let text = JSON.string(String(repeating: "x", count: random.next(below: 5) == 0 ? random.next(below: 9000) : 10))
    let data: (String, JSON) =
      switch random.next(below: 24) {
      case 0...4: ("Begin", ["id": id])
      case 5: ("Close", ["id": id])
      case 6...8: ("Pay", ["id": id])
      default: ("Add", ["id": id, "n": .int(Int64(count)), "text": text])
      }
    var command = EventCommand(event: data.0, payload: data.1)
    command.idempotencyKey = "k\(count)"
    return command
  }

  private func turn() throws {
    let engine = try running()
    engine.fireTimers()
    _ = try engine.commit()
    underWay += engine.dispatch().map(\.job)
    _ = try engine.commit()
  }

  private func finish() throws {
    guard !underWay.isEmpty else { return try turn() }
    let engine = try running()
    let job = underWay.removeFirst()
    let isDone = random.next(below: 3) > 0
    engine.finish(job, isDone ? .done(.string("r\(job)")) : .unreachable("no answer"))
    _ = try engine.commit()
    if isDone { clients.ended.insert(job) }
  }

  private func wait() throws {
    let isLong = random.next(below: 2) == 0
    world.advance(isLong ? Int64(random.next(below: 10)) * 86_400_000 : Int64(random.next(below: 15_000)))
    try turn()
  }

  private func maintain() throws {
    for _ in 0..<20 where try !running().maintain().hasMore { return }
  }
}
