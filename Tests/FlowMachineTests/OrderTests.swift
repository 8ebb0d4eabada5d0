import CEL
import FlowJSON
import FlowMachine
import Testing

/// The order sample, from placement to every one of its ends.
@Suite struct OrderTests {
  private func placed() throws -> TestInstance {
    var play = try TestInstance(sample: "order.flow")
    try play.send(
      "Placed", #"{"order_id": "o1", "email": "a@b.c", "items": [{"sku": "x", "qty": 2, "price": 5.0}]}"#)
    return play
  }

  private func parcel(_ id: String) -> Value {
    .record(RecordValue(typeName: "Parcel", fields: [.init("id", .string(id))]))
  }

  @Test func twoPaymentsMakeOne() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 4.0}"#)
    #expect(play.state == "unpaid")
    let step = try play.send("Paid", #"{"amount": 6.0}"#)
    #expect(step.from == ["unpaid"] && step.to == ["shipping"])
    #expect(play.data["paid"] == .double(10))
    #expect(play.jobs.map(\.once) == ["o1/ship"])
  }

  @Test func aParcelEndsTheOrder() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 10.0}"#)
    try play.answer(.done(parcel("p7")))
    #expect(play.state == "delivered")
    #expect(play.instance?.status == .done)
    #expect(play.data["parcel"] == ["id": "p7"])
    #expect(play.emitted == [#"OrderDelivered{"order_id":"o1"}"#])
    #expect(try play.refused("Cancel").reason == .ended)
  }

  @Test func theFirstHandlerThatFitsTheCodeWins() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 10.0}"#)
    try play.answer(.failed(code: "NO_STOCK", message: "", attempts: 1))
    #expect(play.state == "cancelled")
    #expect(play.instance?.status == .failed)
    #expect(play.jobs.count == 1, "the money goes back")
  }

  @Test func aPersonTriesAgain() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 10.0}"#)
    try play.answer(.failed(code: "UNAVAILABLE", message: "", attempts: 9))
    #expect(play.state == "stuck")
    #expect(try play.refused("Retry").reason == .roleMissing)
    try play.send("Retry", by: "support")
    #expect(play.state == "shipping")
    #expect(play.jobs.count == 1)
  }

  @Test func aLateCancelIsIgnoredAndAnEarlyOneIsNot() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 10.0}"#)
    #expect(try play.send("Cancel", by: "customer").disposition == .ignored)
    #expect(play.state == "shipping")
    var early = try placed()
    try early.send("Cancel", by: "customer")
    #expect(early.state == "cancelled")
    #expect(early.jobs.isEmpty, "nothing was paid")
  }

  @Test func nobodyPaysForThreeDays() throws {
    var play = try placed()
    try play.wait("2d")
    #expect(play.state == "unpaid")
    try play.wait("1d")
    #expect(play.state == "expired")
    #expect(play.instance?.status == .failed)
  }

  @Test func aResultThatNobodyWaitsForIsStale() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 10.0}"#)
    let job = try #require(play.jobs.first)
    try play.answer(.failed(code: "UNAVAILABLE", message: "", attempts: 9))
    let instance = try #require(play.instance)
    guard case .accepted(let step) = play.stepper.step(instance, .result(job.reference, .done(parcel("p"))), now: 0)
    else { throw TestInstance.Failure("refused") }
    #expect(step.disposition == .stale)
    #expect(step.next.revision == instance.revision)
  }

  @Test func aRefusalSaysWhatWouldBeAcceptedAndChangesNothing() throws {
    var play = try placed()
    let before = play.data
    let refusal = try play.refused("Retry", by: "support")
    #expect(refusal.reason == .notHandled)
    #expect(refusal.message == "`Retry` is not handled in `unpaid`")
    #expect(refusal.accepted == ["Paid", "Cancel"])
    #expect(play.data == before)
  }

  @Test func anInvariantIsKept() throws {
    var play = try placed()
    let refusal = try play.refused("Paid", #"{"amount": -1.0}"#)
    #expect(refusal.message == "`Paid` would break the invariant `paid >= 0.0`")
    #expect(refusal.explanation != nil)
    #expect(play.data["paid"] == .double(0))
  }

  @Test func anOptionalFieldBeginsEmpty() throws {
    var play = try TestInstance(
      """
      event Begin  event Go
      flow F {
        data { note: string? }
        start on Begin -> a
        state a { on Go when !note.hasValue() -> b do note = "x" }
        final b
      }
      """)
    try play.send("Begin")
    #expect(play.data["note"] == .null)
    try play.send("Go")
    #expect(play.data["note"] == "x")
  }

  @Test func keptAndRestoredItIsTheSame() throws {
    var play = try placed()
    try play.send("Paid", #"{"amount": 10.0}"#)
    let instance = try #require(play.instance)
    let position = instance.positionJSON(in: play.machine)
    let data = instance.dataJSON(in: play.machine)
    let restored = try play.stepper.restore(
      InstanceHeader(
        flow: instance.flow, key: instance.key, status: instance.status, revision: instance.revision,
        startedAt: instance.startedAt), position: position, data: data)
    #expect(restored.positionJSON(in: play.machine) == position)
    #expect(restored.dataJSON(in: play.machine) == data)
    play.instance = restored
    try play.answer(.done(parcel("p1")))
    #expect(play.state == "delivered")
  }
}
