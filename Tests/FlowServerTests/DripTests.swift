import FlowJSON
import FlowTestSupport
import Testing

/// `samples/drip.flow`: the actions after a sign-up, once for each user.
@Suite("Sample drip.flow", .serialized) struct DripTests {
  private func signUp(_ system: System, _ email: String, pause: String = "1s") throws -> HTTPClient.Response {
    try system.send("SignedUp", ["name": "Ann", "email": .string(email), "pause": .string(pause)])
  }

  private func isAt(_ state: JSON, _ email: String, _ system: System) throws -> Bool {
    try eventually { try system.view("Drip/\(email)")["state"] == [state] }
  }

  @Test("actions run in the order of their dependencies, and the second letter is delayed") func orderOfActions() throws
  {
    let system = try System("drip")
    #expect(try signUp(system, "pro@example.test").status == 201)
    #expect(try isAt("finished", "pro@example.test", system))
    let paths = try system.services.calls().compactMap { $0["path"]?.string }
    #expect(paths.first == "/accounts")
    #expect(paths[1...3].sorted() == ["/badges", "/letters", "/subscriptions"], "in any order")
    #expect(Array(paths[4...]) == ["/badges", "/letters"])
    let badges = try system.services.calls("/badges").map { $0["body"]?["badge"] }
    #expect(badges == ["first", "ready"])
    let templates = try system.services.calls("/letters").map { $0["body"]?["template"] }
    #expect(templates == ["welcome", "advice"])
  }

  @Test("a second sign-up of a user is ignored") func oncePerUser() throws {
    let system = try System("drip")
    #expect(try signUp(system, "bob@example.test", pause: "3600s").status == 201)
    #expect(try isAt("active.resting", "bob@example.test", system))
    let again = try signUp(system, "bob@example.test", pause: "3600s")
    #expect(again.status == 200 && again.json["disposition"] == "ignored")
    #expect(try system.services.calls("/letters").count == 1)
    #expect(try system.send("Unsubscribed", ["email": "bob@example.test"]).json["to"] == ["left"])
    #expect(try signUp(system, "bob@example.test").json["code"] == "already-finished")
    #expect(try system.services.calls("/accounts").count == 1)
  }

  @Test("lists by status contain the users with that status") func listsByStatus() throws {
    let system = try System("drip")
    for email in ["free@example.test", "gone@example.test"] { _ = try signUp(system, email) }
    _ = try signUp(system, "later@example.test", pause: "3600s")
    #expect(try signUp(system, "nobody").status == 409)
    #expect(try isAt("finished", "free@example.test", system))
    #expect(try isAt("stopped", "gone@example.test", system))
    #expect(try isAt("active.resting", "later@example.test", system))
    for (status, email) in [("done", "free"), ("failed", "gone"), ("running", "later")] {
      #expect(try system.list("Drip", status: status).map { $0["key"] } == [.string(email + "@example.test")])
    }
    #expect(try system.view("Drip/gone@example.test")["stateData"]?["stopped"]?["reason"] == "hello: BOUNCED")
  }

  /// The server is killed while letters are delayed and the shop is busy. Each letter is sent once.
  @Test("delayed letters are sent once after a restart") func delaysSurviveARestart() throws {
    let system = try System("drip")
    try system.services.makeBusy("/letters", times: 4)
    let emails = (0..<8).map { "user\($0)@example.test" }
    for email in emails { _ = try signUp(system, email, pause: "2s") }
    try system.restart()
    for email in emails { #expect(try isAt("finished", email, system)) }
    let letters = try system.services.calls("/letters").filter { $0["busy"] == false && $0["again"] == false }
    for email in emails {
      let sent = letters.filter { $0["body"]?["to"] == .string(email) }.compactMap { $0["body"]?["template"]?.string }
      #expect(sent == ["welcome", "advice"])
    }
  }
}
