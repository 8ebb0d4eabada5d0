import FlowJSON
import FlowRuntime
import Testing

/// What the changes of an instance's steps come to, one put over the other: a new run begins anew.
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

/// The journal says all that there is to say of the data.
@Suite struct FoldTests {
  private func check(_ desk: TestEngine) throws {
    let memory = try desk.memory
    #expect(memory.instances.count > 0)
    for row in memory.instances.values {
      let steps = memory.journal.filter { $0.instance == row.id && $0.kind == .step }
      let data = try JSON(parsing: row.data)
      #expect(folded(steps).bytes(.canonical) == data.bytes(.canonical), "\(row.flow)/\(row.key)")
      #expect(steps.last?.revision == row.revision)
    }
  }

  @Test func ofCallsAndUndoing() throws {
    let desk = try TestEngine()
    try desk.send("Travel", ["id": "t"])
    try desk.end(.done("h1"))
    try check(desk)
    desk.turn()
    try desk.end(.status(409, message: "", retryAfterMilliseconds: nil))
    try check(desk)
    try desk.end(.done(.null))
    try check(desk)
  }

  @Test func ofFlowsThatTalk() throws {
    let desk = try TestEngine()
    try desk.send("Hire", ["id": "t"])
    try desk.send("Open", ["id": "t"])
    try desk.end(.done("s"))
    try check(desk)
  }

  /// Nothing to go over is a result as well, and comes without a job and without an assignment.
  @Test(arguments: [[], ["a", "b"]]) func ofSteps(_ items: [String]) throws {
    let desk = try TestEngine()
    try desk.send("Pack", ["id": "t", "items": .array(items.map { .string($0) })])
    try check(desk)
    while !desk.out.isEmpty {
      try desk.end(.done("x"))
      try check(desk)
    }
    #expect(desk.state("Parcel", "t") == "packed")
  }

  @Test func ofACallThatIsOverBeforeItBegins() throws {
    let desk = try TestEngine()
    try desk.send("Order", ["id": "t"])
    try desk.send("Go", ["id": "t"])
    #expect(desk.state("Batch", "t") == "waiting")
    #expect(try desk.data("Batch", "t")["$results"] != nil)
    try check(desk)
    try desk.restart()
    try desk.send("Close", ["id": "t"])
    #expect(try desk.data("Batch", "t")["count"] == 0)
    try check(desk)
  }

  @Test func ofRunsUnderOneKey() throws {
    let desk = try TestEngine()
    try desk.send("Begin", ["id": "t"])
    try desk.send("Poke", ["id": "t", "room": 7])
    try desk.send("Close", ["id": "t"])
    try desk.send("Begin", ["id": "t"])
    try check(desk)
  }
}
