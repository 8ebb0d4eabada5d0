import FlowCompiler
import FlowDiagnostics
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource
import Foundation
import Synchronization
import Testing

/// A world with a manual clock and without randomness.
final class ManualWorld: World {
  private let state = Mutex((now: Int64(1_000_000), names: 0, tick: Int64(0)))

  func now() -> Int64 {
    state.withLock { state in
      state.now += state.tick
      return state.now
    }
  }
  /// Advances the clock by this duration whenever it is read, as a real one does.
  func tick(_ milliseconds: Int64) { state.withLock { $0.tick = milliseconds } }
  func random(below bound: Int64) -> Int64 { bound - 1 }
  func newID() -> String {
    state.withLock { state in
      state.names += 1
      return "n\(state.names)"
    }
  }
  func variable(_ name: String) -> String? { name == "PAY" ? "http://pay" : nil }
  func advance(_ milliseconds: Int64) { state.withLock { $0.now += milliseconds } }
}

/// An engine controlled by the test, on a store that survives its restarts.
final class TestEngine {
  struct Failure: Error, CustomStringConvertible { var description: String }

  static let text = """
    event Begin { id: string }
    event Go { id: string }
    event Back { id: string }
    event Poke { id: string  room: int = 0 }
    event Close { id: string }
    event Told { id: string  text: string }

    action charge(id: string) -> string fails UNAVAILABLE, BROKEN {
      http POST env("PAY") + "/" + id
      422 -> BROKEN
      5xx -> UNAVAILABLE
      retry 2 only UNAVAILABLE backoff 1s..3s
    }
    action note(id: string) { http POST "http://note/" + id  retry 1 backoff 1s..1s }
    action missing(id: string) { http POST env("NOT_SET") }
    action carve(id: string) -> int fails LOST { worker "hands"  retry 1 backoff 1s..1s }

    flow Task {
      key id
      data { id: string  receipt: string = ""  room: int = 1  count: int = 0 }
      start on Begin again -> idle do id = event.id
      on Poke do { count = count + 1  room = event.room }
      on Close -> closed
      state idle {
        on Go -> charging
        after 1h -> expired
      }
      state charging {
        call charge(id: id) as pay
        on pay.done -> carving do { receipt = event.result  count = count / room }
        on pay.failed -> broken
        on Back -> idle
      }
      state carving {
        call carve(id: id) as work
        on work.done -> closed do count = event.result
        on work.failed -> broken
      }
      final closed { entry note(id: id) }
      failed broken
      failed expired { entry missing(id: id) }
    }

    event Ask { id: string  what: string }
    event Again { id: string }

    flow Shared {
      key id
      data { id: string  what: string  answer: string = "" }
      start on Ask -> asking do { id = event.id  what = event.what }
      state asking {
        call charge(id: what) as pay once what
        on pay.done -> answered do answer = event.result
        on pay.failed -> lost
      }
      state answered { on Again -> asking  on Close -> over }
      state lost { on Again -> asking }
      final over
    }

    event Tick { id: string }

    flow Bell {
      key id
      data { id: string  rings: int = 0 }
      start on Tick -> waiting do id = event.id
      state waiting {
        every 10s do rings = rings + 1
        on Close -> over
      }
      final over { entry emit Told{id: id, text: "over"} }
    }

    flow Listener {
      key id
      data { id: string  text: string }
      start on Told when event.text != "no" -> heard do { id = event.id  text = event.text }
      state heard { on Told when event.text != "no" do text = text + event.text  on Close -> over }
      final over
    }

    event Shout { id: string  to: list<string>  text: string }

    flow Crier {
      key id
      data { id: string }
      start on Shout -> crying do { id = event.id  emit Told{id: x, text: event.text} for x in event.to }
      state crying { on Close -> over }
      final over
    }
    """

  static let allText = text + sagaText + talkText + limitText + surveyText + broadcastText

  static let machine = make(allText)

  static func make(_ text: String) -> Result<Machine, any Error> {
    Result { try compiled(text) }
  }

  private static func compiled(_ text: String) throws -> Machine {
    let compilation = compile("test.flow") { $0 == "test.flow" ? Array(text.utf8) : nil }
    guard let program = compilation.program else {
      throw Failure(description: PrettyRenderer(sources: compilation.sources).render(compilation.diagnostics))
    }
    return try Machine(program)
  }

  let world = ManualWorld()
  let kind: StoreKind
  private let folder: Folder
  private(set) var store: any Store
  private(set) var engine: Engine
  /// The dispatched jobs without a result.
  var out: [(job: Int64, request: JobRequest)] = []
  var entries: [JournalEntry] = []
  /// The instants at which each person was asked.
  private(set) var inquired: [String: [Int64]] = [:]

  private var machine: Machine

  /// - Parameter text: Another program than the one of all tests.
  convenience init(_ kind: StoreKind = .memory, text: String) throws {
    try self.init(kind, machine: TestEngine.make(text).get())
  }

  init(_ kind: StoreKind = .memory, machine: Machine? = nil) throws {
    self.kind = kind
    self.machine = try machine ?? TestEngine.machine.get()
    (store, folder) = try kind.make()
    engine = try Engine(machine: self.machine, store: store, world: world)
  }

  var memory: MemoryStore {
    get throws {
      guard let memory = store as? MemoryStore else { throw Failure(description: "not a memory store") }
      return memory
    }
  }

  /// Restarts with another program.
  func restart(with text: String) throws {
    machine = try TestEngine.make(text).get()
    try restart()
  }

  /// Discards the engine as in a crash, and starts one on the same store.
  func restart() throws {
    out = []
    if kind != .memory {
      // The lock of a file is released with the engine and its store.
      store = MemoryStore()
      engine = try Engine(machine: machine, store: store, world: world)
      store = try kind.open(folder)
    }
    engine = try Engine(machine: machine, store: store, world: world)
    turn()
  }

  /// One turn of the engine's thread without new input.
  func turn() {
    engine.endLeases()
    engine.fireTimers()
    commit()
    let started = engine.dispatch()
    out += started
    for (_, request) in started {
      if case .http(_, let url, _, _) = request.action, url.hasPrefix("http://inquire/") {
        inquired[url, default: []].append(world.now())
      }
    }
    commit()
  }

  func commit() {
    guard let new = try? engine.commit() else { return }
    entries += new
    for entry in new {
      var written: [UInt8] = []
      entry.writeBody(to: &written)
      #expect(written == entry.body.bytes(), "the written form of entry \(entry.sequence) equals its body")
    }
  }

  func wait(_ milliseconds: Int64) {
    world.advance(milliseconds)
    turn()
  }

  @discardableResult
  func send(
    _ event: String, _ payload: JSON, key: String? = nil, ifMatch: Int? = nil
  ) throws(EngineProblem) -> EventAnswer {
    var command = EventCommand(event: event, payload: payload)
    command.idempotencyKey = key
    command.ifMatch = ifMatch
    let result = engine.submit(command)
    turn()
    return try result.get()
  }

  /// Completes the oldest job in progress.
  @discardableResult
  func end(_ outcome: JobOutcome) throws -> JobRequest {
    guard !out.isEmpty else { throw Failure(description: "nothing is under way") }
    let (job, request) = out.removeFirst()
    engine.finish(job, outcome)
    turn()
    return request
  }

  func row(_ flow: String, _ key: String) throws -> InstanceRow {
    guard let row = try store.instance(flow: flow, key: key) else { throw Failure(description: "no \(flow)/\(key)") }
    return row
  }

  func data(_ flow: String, _ key: String) throws -> JSON { try JSON(parsing: row(flow, key).data) }

  func state(_ flow: String, _ key: String) -> String {
    let last = entries.last { $0.kind == .step && $0.flow == flow && $0.key == key }
    return (last?.body["to"]?.array ?? []).compactMap(\.string).joined(separator: " ")
  }

  /// The URLs of the jobs in progress.
  var urls: [String] {
    out.map { if case .http(_, let url, _, _) = $0.request.action { url } else { "" } }
  }

  func kinds(_ kind: JournalEntry.Kind) -> [JournalEntry] { entries.filter { $0.kind == kind } }
}

extension EngineProblem {
  /// The name of the case, for comparisons.
  var name: String { "\(self)".prefix { $0 != "(" }.description }
}
