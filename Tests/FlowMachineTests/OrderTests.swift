import CEL
import FlowJSON
import FlowMachine
import Testing

/// The order sample, from placement to each of its final states.
@Suite("Sample order.flow") struct OrderTests {
  private func placed() throws -> TestInstance {
    var test = try TestInstance(sample: "order.flow")
    try test.send(
      "Placed", #"{"order_id": "o1", "email": "a@b.c", "items": [{"sku": "x", "qty": 2, "price": 5.0}]}"#)
    return test
  }

  private func parcel(_ id: String) -> Value {
    .record(RecordValue(typeName: "Parcel", fields: [.init("id", .string(id))]))
  }

  @Test("two partial payments pay an order") func partialPayments() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 4.0}"#)
    #expect(test.state == "unpaid")
    let step = try test.send("Paid", #"{"amount": 6.0}"#)
    #expect(step.from == ["unpaid"] && step.to == ["shipping"])
    #expect(test.data["paid"] == .double(10))
    #expect(test.jobs.map(\.once) == ["o1/ship"])
  }

  @Test("the result of the shipping call ends the order") func delivery() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 10.0}"#)
    try test.answer(.done(parcel("p7")))
    #expect(test.state == "delivered")
    #expect(test.instance?.status == .done)
    #expect(test.data["parcel"] == ["id": "p7"])
    #expect(test.emitted == [#"OrderDelivered{"order_id":"o1"}"#])
    #expect(try test.refused("Cancel").reason == .ended)
  }

  @Test("the first reaction with a matching failure code applies") func failureCode() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 10.0}"#)
    try test.answer(.failed(code: "NO_STOCK", message: "", attempts: 1))
    #expect(test.state == "cancelled")
    #expect(test.instance?.status == .failed)
    #expect(test.jobs.count == 1, "a refund is requested")
  }

  @Test("only the support role retries a failed shipment") func retry() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 10.0}"#)
    try test.answer(.failed(code: "UNAVAILABLE", message: "", attempts: 9))
    #expect(test.state == "stuck")
    #expect(try test.refused("Retry").reason == .roleMissing)
    try test.send("Retry", by: "support")
    #expect(test.state == "shipping")
    #expect(test.jobs.count == 1)
  }

  @Test("a cancellation is ignored once the order is being shipped") func cancel() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 10.0}"#)
    #expect(try test.send("Cancel", by: "customer").disposition == .ignored)
    #expect(test.state == "shipping")
    var early = try placed()
    try early.send("Cancel", by: "customer")
    #expect(early.state == "cancelled")
    #expect(early.jobs.isEmpty, "nothing was paid")
  }

  @Test("an unpaid order expires after three days") func expiry() throws {
    var test = try placed()
    try test.wait("2d")
    #expect(test.state == "unpaid")
    try test.wait("1d")
    #expect(test.state == "expired")
    #expect(test.instance?.status == .failed)
  }

  @Test("a result without a waiting call is stale and changes nothing") func staleResult() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 10.0}"#)
    let job = try #require(test.jobs.first)
    try test.answer(.failed(code: "UNAVAILABLE", message: "", attempts: 9))
    let instance = try #require(test.instance)
    guard case .accepted(let step) = test.stepper.step(instance, .result(job.reference, .done(parcel("p"))), now: 0)
    else { throw TestInstance.Failure("refused") }
    #expect(step.disposition == .stale)
    #expect(step.next.revision == instance.revision)
  }

  @Test("a refusal lists the accepted events and changes nothing") func refusal() throws {
    var test = try placed()
    let before = test.data
    let refusal = try test.refused("Retry", by: "support")
    #expect(refusal.reason == .notHandled)
    #expect(refusal.message == "`Retry` is not handled in `unpaid`")
    #expect(refusal.accepted == ["Paid", "Cancel"])
    #expect(test.data == before)
  }

  @Test("an event that would violate an invariant is refused") func invariant() throws {
    var test = try placed()
    let refusal = try test.refused("Paid", #"{"amount": -1.0}"#)
    #expect(refusal.message == "`Paid` would break the invariant `paid >= 0.0`")
    #expect(refusal.explanation != nil)
    #expect(test.data["paid"] == .double(0))
  }

  @Test("an optional field has no value at first") func optionalField() throws {
    var test = try TestInstance(
      """
      event Begin  event Go
      flow F {
        data { note: string? }
        start on Begin -> a
        state a { on Go when !note.hasValue() -> b do note = "x" }
        final b
      }
      """)
    try test.send("Begin")
    #expect(test.data["note"] == .null)
    try test.send("Go")
    #expect(test.data["note"] == "x")
  }

  @Test("a stored and restored instance is unchanged") func restore() throws {
    var test = try placed()
    try test.send("Paid", #"{"amount": 10.0}"#)
    let instance = try #require(test.instance)
    let position = instance.positionJSON(in: test.machine)
    let data = instance.dataJSON(in: test.machine)
    let restored = try test.stepper.restore(
      InstanceHeader(
        flow: instance.flow, key: instance.key, status: instance.status, revision: instance.revision,
        startedAt: instance.startedAt), position: position, data: data)
    #expect(restored.positionJSON(in: test.machine) == position)
    #expect(restored.dataJSON(in: test.machine) == data)
    test.instance = restored
    try test.answer(.done(parcel("p1")))
    #expect(test.state == "delivered")
  }
}
