import FlowJSON
import FlowTestSupport
import Testing

/// `samples/automation.flow`: pushes are built and published, also with interruptions.
@Suite("Sample automation.flow", .serialized) struct AutomationTests {
  /// A signed push in the format of GitHub.
  private func push(
    _ system: System, _ commit: String, _ message: String = "add a page", ref: String = "refs/heads/main"
  ) throws -> HTTPClient.Response {
    let body: JSON = [
      "ref": .string(ref), "before": "0000", "repository": ["id": 7, "full_name": "a/b", "private": false],
      "head_commit": ["id": .string(commit), "message": .string(message), "author": ["name": "ann"]],
    ]
    return try system.client.send(
      "POST", "/v1/hooks/Release/Pushed", text: body.text(),
      headers: [
        "Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": "delivery-\(commit)",
        "X-Hub-Signature-256": "sha256=" + Signature.hexadecimal(body.text()),
      ])
  }

  private func instance(_ answer: HTTPClient.Response) throws -> String {
    "Release/" + (try #require(answer.json["key"]?.string))
  }

  private func isAt(_ state: JSON, _ instance: String, _ system: System) throws -> Bool {
    try eventually { try system.view(instance)["state"] == [state] }
  }

  @Test("a push is built, published and announced once") func publishedPush() throws {
    let system = try System("automation")
    let taken = try push(system, "c1")
    #expect(taken.status == 201)
    let release = try instance(taken)
    #expect(try isAt("published", release, system))
    let again = try push(system, "c1")
    #expect(again.headers["idempotent-replay"] == "true", "a repeated delivery starts no instance")
    #expect(try system.services.calls("/builds").count == 1)
    #expect(try system.services.calls("/shrink").isEmpty)
    #expect(try system.services.calls("/site/site-c1").count == 1)
    let isTold = try eventually { try system.services.calls("/messages").count == 1 }
    #expect(isTold)
    let history = try system.client.send("GET", system.path(release) + "/history").json["items"]?.array ?? []
    let log = history.filter { $0["type"] == "log" }.compactMap { $0["data"]?["text"]?.string }
    #expect(log == ["pushed: add a page", "built site-c1"])
  }

  @Test("steps depend on earlier results, and unsuitable pushes are refused") func conditionalSteps() throws {
    let system = try System("automation")
    let large = try instance(try push(system, "large-1"))
    let broken = try instance(try push(system, "bad-1"))
    #expect(try isAt("published", large, system))
    #expect(try system.services.calls("/site/site-large-1-small").count == 1)
    #expect(try isAt("broken", broken, system))
    #expect(try system.view(broken)["stateData"]?["broken"]?["reason"]?.string?.contains("this is no program") == true)
    #expect(try system.services.calls("/builds").count == 2, "a final failure is not retried")
    for answer in [try push(system, "c2", ref: "refs/heads/try"), try push(system, "c3", "wip: a page")] {
      #expect(answer.status == 200 && answer.json["disposition"] == "refused")
      #expect(answer.json["problem"]?["code"] == "event-not-accepted")
      #expect(!answer.text.contains("event.ref"), "the response contains no guard and no value")
    }
  }

  @Test("a busy builder is retried with the same idempotency key") func busyBuilder() throws {
    let system = try System("automation")
    try system.services.makeBusy("/builds", times: 3)
    let release = try instance(try push(system, "c4"))
    #expect(try isAt("published", release, system))
    let builds = try system.services.calls("/builds")
    #expect(builds.map { $0["busy"] } == [true, true, true, false])
    #expect(Set(builds.compactMap { $0["key"]?.string }).count == 1, "every attempt has the same idempotency key")
  }

  @Test("a release continues after a restart of the server") func restartDuringBuild() throws {
    let system = try System("automation")
    let release = try instance(try push(system, "slow-1"))
    let isUnderWay = try eventually { try system.services.calls("/builds").count == 1 }
    #expect(isUnderWay)
    try system.restart()
    #expect(try system.view(release)["state"] == ["building"])
    #expect(try isAt("published", release, system))
    let builds = try system.services.calls("/builds")
    #expect(
      Set(builds.compactMap { $0["key"]?.string }).count == 1, "the build is repeated with the same idempotency key")
    #expect(try system.services.calls("/site/site-slow-1").count == 1)
  }

  @Test("a maintainer decides how a workflow continues") func maintainerDecision() throws {
    let system = try System("automation")
    #expect(try system.send("Look", roles: "maintainer").json["flow"] == "Nightly")
    let isFine = try eventually { try system.list("Nightly", status: "done").count == 1 }
    #expect(isFine)
    #expect(try system.send("Look").status == 403)
  }
}
