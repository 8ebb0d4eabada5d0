import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowStoreSQLite
import Testing

/// Each journaled step can be repeated from the journal and the program alone.
@Suite("Replay of the journal") struct JournalReplayTests {
  private let t: JSON = ["id": "t"]

  /// An engine whose clock never returns the same instant twice.
  private func fixture() throws -> TestEngine {
    let fixture = try TestEngine()
    fixture.world.tick(7)
    return fixture
  }

  private func check(_ fixture: TestEngine) throws {
    let memory = try fixture.memory
    #expect(!memory.instances.isEmpty)
    for row in memory.instances.values.sorted(by: { $0.id < $1.id }) {
      var replay = Replay(try TestEngine.machine.get())
      for entry in memory.journal where entry.instance == row.id && entry.kind == .step { try replay.take(entry) }
      let instance = try #require(replay.instance)
      let name = "\(row.flow)/\(row.key)"
      #expect(instance.revision == row.revision && instance.startedAt == row.startedAt, "\(name)")
      #expect(instance.storedPositionJSON(in: replay.machine).bytes() == row.position, "\(name)")
      #expect(instance.dataJSON(in: replay.machine).bytes() == row.data, "\(name)")
    }
  }

  @Test("instances with events and timers are rebuilt from the journal") func eventsAndTimers() throws {
    let fixture = try fixture()
    try fixture.send("Begin", t)
    try fixture.send("Tick", ["id": "b"])
    try fixture.send("Poke", ["id": "t", "room": 4])
    fixture.wait(25_000)
    fixture.wait(3_600_000)
    try check(fixture)
    try fixture.send("Close", ["id": "b"])
    try fixture.send("Begin", t)
    try fixture.restart()
    try fixture.send("Go", t)
    try check(fixture)
  }

  @Test("instances with calls and undos are rebuilt from the journal") func callsAndUndo() throws {
    let fixture = try fixture()
    try fixture.send("Travel", t)
    try fixture.end(.done("h1"))
    fixture.turn()
    try fixture.restart()
    try check(fixture)
    try fixture.end(.status(409, message: "", retryAfterMilliseconds: nil))
    try fixture.end(.done(.null))
    #expect(fixture.state("Trip", "t") == "home")
    try check(fixture)
  }

  @Test("flows that call flows are rebuilt from the journal") func calledFlows() throws {
    let fixture = try fixture()
    try fixture.send("Hire", t)
    try fixture.send("Open", t)
    try fixture.send("Hire", ["id": "u"])
    try fixture.send("Back", ["id": "u"])
    try fixture.end(.done("s"))
    try check(fixture)
  }

  @Test("instances with a loop of calls are rebuilt from the journal") func loops() throws {
    let fixture = try fixture()
    try fixture.send("Pack", ["id": "t", "items": ["a", "b"]])
    for _ in 0..<3 { try fixture.end(.done("x")) }
    #expect(fixture.state("Parcel", "t") == "packed")
    try check(fixture)
  }
}

/// An instance with a shortened journal is rebuilt from its snapshot.
@Suite("Replay from a snapshot") struct SnapshotReplayTests {
  @Test("an instance is rebuilt from its snapshot and the later entries") func fromSnapshot() throws {
    let folder = try Folder()
    let world = ManualWorld()
    var retention = Retention(hot: 1000)
    retention.entries = 3
    let store = try SQLiteStore(path: folder.path, retention: retention)
    let engine = try Engine(machine: TestEngine.machine.get(), store: store, world: world)
    let queries = try SQLiteQueries(path: folder.path)
    var folds: Set<Int64> = []
    for round in 0..<60 {
      let payload: JSON = round % 3 == 1 ? ["id": "t", "room": .int(Int64(round + 1))] : ["id": "t"]
      _ = engine.submit(EventCommand(event: ["Begin", "Poke", "Tick"][round % 3], payload: payload))
      _ = try engine.commit()
      world.advance(round % 5 == 0 ? 600_000_000 : 4000)
      engine.fireTimers()
      for (job, _) in engine.dispatch() { engine.finish(job, .done(.null)) }
      _ = try engine.commit()
      while try engine.maintain().hasMore {}
      for row in try queries.instances(InstanceFilter(), after: nil, limit: 10) {
        if let snapshot = try check(row, queries) { folds.insert(snapshot.sequence) }
      }
    }
    #expect(folds.count > 2, "\(folds)")
  }

  private func check(_ row: InstanceRow, _ queries: SQLiteQueries) throws -> InstanceSnapshot? {
    let beginning = try queries.beginning(instance: row.id)
    var replay = Replay(try TestEngine.machine.get())
    if let beginning { try replay.begin(with: beginning, of: row) }
    for entry in try queries.history(instance: row.id, after: 0, limit: 1000) where entry.kind == .step {
      try replay.take(entry)
    }
    let instance = try #require(replay.instance)
    #expect(instance.revision == row.revision && instance.startedAt == row.startedAt)
    #expect(instance.storedPositionJSON(in: replay.machine).bytes() == row.position)
    #expect(instance.dataJSON(in: replay.machine).bytes() == row.data)
    return beginning
  }
}

/// Rebuilds an instance step by step.
struct Replay {
  let machine: Machine
  let stepper: Stepper
  var instance: Instance?
  var jobs: [JobReference: Job] = [:]

  init(_ machine: Machine) {
    self.machine = machine
    stepper = Stepper(machine)
  }

  mutating func begin(with snapshot: InstanceSnapshot, of row: InstanceRow) throws {
    let flow = try #require(machine.flow(named: row.flow))
    let header = InstanceHeader(
      flow: flow, key: row.key, status: snapshot.status.machineStatus, revision: snapshot.revision,
      startedAt: snapshot.startedAt)
    instance = try stepper.restore(
      header, position: JSON(parsing: snapshot.position), data: JSON(parsing: snapshot.data))
  }

  mutating func take(_ entry: JournalEntry) throws {
    let outcome =
      entry.body["created"] == true
      ? try start(entry) : try step(entry, from: #require(instance, "\(entry.body.text())"))
    guard case .accepted(let step) = outcome else {
      throw TestEngine.Failure(description: "refused again: \(entry.body.text())")
    }
    #expect(step.disposition.rawValue == entry.body["disposition"]?.string)
    #expect(.array(step.to.map { .string($0) }) == entry.body["to"])
    instance = step.next
    for case .job(let job) in step.effects { jobs[job.reference] = job }
  }

  private func start(_ entry: JournalEntry) throws -> Outcome {
    let flow = try #require(machine.flow(named: entry.flow))
    if let arguments = entry.body["arguments"] {
      let type = ValueType.record(machine.program.flows[flow].parameters.name)
      let record = try Value.from(arguments, as: type, in: machine.types).get()
      return stepper.start(flow: flow, key: entry.key, arguments: record, now: entry.at)
    }
    let (event, payload, caller) = try event(entry)
    return stepper.start(
      flow: flow, key: entry.key, event: event, payload: payload, caller: caller, now: entry.at,
      after: instance?.revision ?? 0)
  }

  private func step(_ entry: JournalEntry, from instance: Instance) throws -> Outcome {
    if entry.body["cancelled"] != nil { return stepper.cancel(instance, now: entry.at) }
    return stepper.step(instance, try input(entry), now: entry.at)
  }

  private func input(_ entry: JournalEntry) throws -> Input {
    if let timer = entry.body["timer"] {
      return .timer(transition: try #require(timer["transition"]?.int), armed: try #require(timer["armed"]?.int))
    }
    if let result = entry.body["result"] {
      let names = try #require(result["job"]?.string).split(separator: "/").compactMap { Int($0) }
      let reference = JobReference(revision: names[0], number: names[1])
      return .result(reference, try outcome(result, #require(jobs[reference])))
    }
    let (event, payload, caller) = try event(entry)
    return .event(event, payload: payload, caller: caller)
  }

  private func outcome(_ result: JSON, _ job: Job) throws -> CallOutcome {
    if let failure = result["failed"] {
      return .failed(
        code: try #require(failure["code"]?.string), message: try #require(failure["message"]?.string),
        attempts: try #require(failure["attempts"]?.int))
    }
    guard let type = machine.result(of: job.target) else { return .done(.null) }
    return .done(try Value.from(#require(result["done"]), as: type, in: machine.types).get())
  }

  private func event(_ entry: JournalEntry) throws -> (EventIndex, Value, Caller) {
    let event = try #require(entry.body["event"])
    let name = try #require(event["type"]?.string)
    let payload = try Value.from(event["data"] ?? [:], as: .record(name), in: machine.types).get()
    let roles = event["roles"]?.array?.compactMap(\.string) ?? []
    let caller = Caller(id: event["caller"]?.string ?? "", roles: roles, flow: event["sender"]?.string)
    return (try #require(machine.event(named: name)), payload, caller)
  }
}
