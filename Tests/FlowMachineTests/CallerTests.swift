import CEL
import FlowIR
import FlowJSON
import FlowMachine
import Testing

/// Internal events, `by` with flows, and read rules.
@Suite("Senders of events and read rules") struct CallerTests {
  private static let claim = """
    role manager
    event Submit { id: string  owner: string  limit: int = 0 }
    event Withdraw { id: string }
    internal event Approved { id: string }
    internal event Opened { id: string }
    flow Claim {
      event Counted
      key id
      data { id: string  owner: string  limit: int  note: string? }
      let isLarge = limit > 100
      read by manager
      read when caller.id == owner && !isLarge
      read by auditor when 100 / limit > 1
      start on Submit -> open do { id = event.id  owner = event.owner  limit = event.limit }
      start on Opened -> open do { id = event.id  owner = ""  limit = 0 }
      state open {
        on Approved by Review -> paid
        on Withdraw by manager, Review -> open do raise Counted{}
        on Counted do log "counted"
      }
      final paid
    }
    flow Review {
      key id
      data { id: string }
      start on Submit -> done do id = event.id
      final done { entry { emit Approved{id: id}  emit Opened{id: id}  emit Withdraw{id: id} } }
    }
    role auditor
    """

  private func claim(limit: Int = 0) throws -> TestInstance {
    var test = try TestInstance(CallerTests.claim)
    try test.send("Submit", #"{"id": "a", "owner": "ann", "limit": \#(limit)}"#)
    return test
  }

  private func outcome(_ test: TestInstance, _ event: String, _ caller: Caller) throws -> Outcome {
    let index = try #require(test.machine.event(named: event))
    let payload = try Value.from(["id": "a"], as: .record(event), in: test.machine.types).get()
    return test.stepper.step(
      try #require(test.instance), .event(index, payload: payload, caller: caller), now: test.now)
  }

  private func refusal(_ test: TestInstance, _ event: String, _ caller: Caller) throws -> Refusal.Reason? {
    guard case .refused(let refusal) = try outcome(test, event, caller) else { return nil }
    return refusal.reason
  }

  @Test("an internal event of a client is refused, regardless of the caller's name and roles") func clients() throws {
    var test = try claim()
    #expect(try refusal(test, "Approved", Caller()) == .internalEvent)
    #expect(try refusal(test, "Approved", Caller(id: "Review/a", roles: ["manager", "Review"])) == .internalEvent)
    #expect(try test.refused("Approved", #"{"id": "a"}"#).code == "internal-event")
    #expect(try test.refused("Claim.Counted").reason == .internalEvent)
  }

  @Test("`by` with a flow accepts events of its instances only") func senders() throws {
    let test = try claim()
    #expect(try refusal(test, "Approved", Caller(id: "Review/a", flow: "Review")) == nil)
    #expect(try refusal(test, "Approved", Caller(id: "Review/a", flow: "Claim")) == .roleMissing)
    #expect(try refusal(test, "Withdraw", Caller(id: "Review/a")) == .roleMissing)
    #expect(try refusal(test, "Withdraw", Caller(roles: ["Review"])) == .roleMissing)
    #expect(try refusal(test, "Withdraw", Caller(roles: ["manager"])) == nil)
    #expect(try refusal(test, "Withdraw", Caller(flow: "Review")) == nil)
  }

  @Test("an internal event starts an instance only if a flow emits it") func starts() throws {
    let test = try TestInstance(CallerTests.claim)
    let event = try #require(test.machine.event(named: "Opened"))
    let payload = try Value.from(["id": "a"], as: .record("Opened"), in: test.machine.types).get()
    func start(_ caller: Caller) -> Outcome {
      test.stepper.start(flow: 0, key: "a", event: event, payload: payload, caller: caller, now: 0)
    }
    guard case .refused(let refusal) = start(Caller()) else { throw TestInstance.Failure("accepted") }
    #expect(refusal.reason == .internalEvent)
    guard case .accepted = start(Caller(flow: "Review")) else { throw TestInstance.Failure("refused") }
  }

  @Test("internal events are not listed as accepted") func acceptedEvents() throws {
    let test = try claim()
    let instance = try #require(test.instance)
    #expect(test.stepper.acceptedEvents(of: instance) == ["Withdraw"])
    #expect(
      test.stepper.acceptedEvents(of: instance, includesInternal: true) == ["Withdraw", "Approved", "Claim.Counted"])
  }

  @Test("a refusal lists roles and flows") func explanation() throws {
    guard case .refused(let refusal) = try outcome(try claim(), "Withdraw", Caller()) else {
      throw TestInstance.Failure("accepted")
    }
    #expect(refusal.candidates.map(\.answer) == [.roleMissing(["role manager", "flow Review"])])
  }

  @Test("a deferred event keeps its sender") func deferred() throws {
    var test = try TestInstance(
      """
      event Begin  event Go
      internal event Done
      flow F {
        start on Begin -> a
        state a { defer Done  on Go -> b }
        state b { on Done by G -> c }
        final c
      }
      flow G { start on Begin -> d  final d { entry emit Done } }
      """)
    try test.send("Begin")
    let event = try #require(test.machine.event(named: "Done"))
    let payload = try Value.from([:], as: .record("Done"), in: test.machine.types).get()
    let input = Input.event(event, payload: payload, caller: Caller(id: "G/1", flow: "G"))
    guard case .accepted(let step) = test.stepper.step(try #require(test.instance), input, now: 1) else {
      throw TestInstance.Failure("refused")
    }
    let position = step.next.positionJSON(in: test.machine)
    #expect(position["deferred"]?.array?.first?["sender"] == "G")
    test.instance = step.next
    try test.send("Go")
    #expect(test.state == "c")
  }

  @Test("one matching read rule is sufficient") func readRules() throws {
    let small = try claim()
    func mayRead(_ test: TestInstance, _ caller: Caller) throws -> Bool {
      test.stepper.mayRead(try #require(test.instance), caller: caller, now: 0)
    }
    #expect(small.machine.hasReadRules(flow: 0))
    #expect(try mayRead(small, Caller(roles: ["manager"])))
    #expect(try mayRead(small, Caller(id: "ann")))
    #expect(try !mayRead(small, Caller(id: "bob")))
    #expect(try !mayRead(small, Caller()))
    let large = try claim(limit: 101)
    #expect(try !mayRead(large, Caller(id: "ann")))
    #expect(try mayRead(large, Caller(id: "ann", roles: ["manager"])))
  }

  @Test("a read rule with roles and a condition requires both, and a failing condition is false") func bothParts()
    throws
  {
    let auditor = Caller(id: "eve", roles: ["auditor"])
    for (limit, expected) in [(50, true), (100, false), (0, false)] {
      let test = try claim(limit: limit)
      let instance = try #require(test.instance)
      #expect(test.stepper.mayRead(instance, caller: auditor, now: 0) == expected, "\(limit)")
      #expect(!test.stepper.mayRead(instance, caller: Caller(id: "eve"), now: 0))
    }
  }

  @Test("a flow without read rules is readable") func withoutRules() throws {
    var test = try TestInstance("event Begin\nflow F { start on Begin -> a  final a }")
    try test.send("Begin")
    #expect(!test.machine.hasReadRules(flow: 0))
    #expect(test.stepper.mayRead(try #require(test.instance), caller: Caller(), now: 0))
  }
}
