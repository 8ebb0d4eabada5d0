import FlowJSON
import FlowRuntime
import Testing

/// The data after applying the changes of an instance's steps in order. A new run starts with no data.
func folded(_ steps: [JournalEntry], from start: JSON = [:]) -> JSON {
  var members: [JSON.Member] = start.members ?? []
  for step in steps {
    if step.body["created"] == true { members = [] }
    for change in step.body["changes"]?.members ?? [] {
      members.removeAll { $0.name == change.name }
      members.append(change)
    }
  }
  return .object(members)
}

/// The data of an instance equals the sum of the changes in its journal.
@Suite("Data from journal entries") struct JournalDataTests {
  private func check(_ fixture: TestEngine) throws {
    let memory = try fixture.memory
    #expect(memory.instances.count > 0)
    for row in memory.instances.values {
      let steps = memory.journal.filter { $0.instance == row.id && $0.kind == .step }
      let data = try JSON(parsing: row.data)
      #expect(folded(steps).bytes(.canonical) == data.bytes(.canonical), "\(row.flow)/\(row.key)")
      #expect(steps.last?.revision == row.revision)
    }
  }

  @Test("the entries of calls and undos add up to the data") func callsAndUndo() throws {
    let fixture = try TestEngine()
    try fixture.send("Travel", ["id": "t"])
    try fixture.end(.done("h1"))
    try check(fixture)
    fixture.turn()
    try fixture.end(.status(409, message: "", retryAfterMilliseconds: nil))
    try check(fixture)
    try fixture.end(.done(.null))
    try check(fixture)
  }

  @Test("the entries of flows that call each other add up to the data") func calledFlows() throws {
    let fixture = try TestEngine()
    try fixture.send("Hire", ["id": "t"])
    try fixture.send("Open", ["id": "t"])
    try fixture.end(.done("s"))
    try check(fixture)
  }

  /// An empty list produces an empty result without a job and without an assignment.
  @Test(
    "the entries of a loop of calls add up to the data, also without items",
    arguments: [[], ["a", "b"]]) func loops(_ items: [String]) throws
  {
    let fixture = try TestEngine()
    try fixture.send("Pack", ["id": "t", "items": .array(items.map { .string($0) })])
    try check(fixture)
    while !fixture.out.isEmpty {
      try fixture.end(.done("x"))
      try check(fixture)
    }
    #expect(fixture.state("Parcel", "t") == "packed")
  }

  @Test("the entries of calls over an empty list add up to the data") func emptyFanOut() throws {
    let fixture = try TestEngine()
    try fixture.send("Order", ["id": "t"])
    try fixture.send("Go", ["id": "t"])
    #expect(fixture.state("Batch", "t") == "waiting")
    #expect(try fixture.data("Batch", "t")["$results"] != nil)
    try check(fixture)
    try fixture.restart()
    try fixture.send("Close", ["id": "t"])
    #expect(try fixture.data("Batch", "t")["count"] == 0)
    try check(fixture)
  }

  @Test("the entries of several runs under one key add up to the data") func severalRuns() throws {
    let fixture = try TestEngine()
    try fixture.send("Begin", ["id": "t"])
    try fixture.send("Poke", ["id": "t", "room": 7])
    try fixture.send("Close", ["id": "t"])
    try fixture.send("Begin", ["id": "t"])
    try check(fixture)
  }
}
