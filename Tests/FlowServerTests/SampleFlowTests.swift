import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The samples in the folders of `samples`: one server for each folder, and the main path of each flow to its end.
///
/// Workers claim the jobs over HTTP, and `samples/services.py` answers the requests.
@Suite("Sample folders", .serialized) struct SampleFlowTests {
  // MARK: - Payments

  @Test("card payments, subscriptions and transfers are served together") func payments() throws {
    let system = try System(path: "samples/payments")
    #expect(try system.flows == ["Collect", "MoneyTransfer", "Payment", "Subscription"])
    let source = packageRoot.appending(path: "samples/payments/subscription.flow")
    let deployed = try system.client.send(
      "PUT", "/v1/flows/Subscription?dryRun=true", text: try String(contentsOf: source, encoding: .utf8),
      headers: ["Content-Type": "text/x-flow"])
    #expect(deployed.json["diagnostics"] == [], "as `flow lint` reports them: \(deployed.text)")
    try payByCard(system)
    try subscribe(system)
    try transfer(system)
  }

  private func payByCard(_ system: System) throws {
    try system.send("Pay", ["payment": "p1", "cents": 900, "card": "3ds-visa"], roles: "shop")
    #expect(try system.isAt("challenged", "Payment/p1"))
    let body: JSON = ["type": "intent.authorized", "intent": ["reference": "p1", "livemode": false]]
    let delivered = try system.client.send(
      "POST", "/v1/hooks/Payment/Challenged", text: body.text(),
      headers: ["Content-Type": "application/json", "Psp-Signature": Signature.hexadecimal(body.text())])
    #expect(delivered.json["to"] == ["authorized"], "the key is computed from the body: \(delivered.text)")
    try system.send("Capture", to: "Payment/p1", roles: "shop")
    #expect(try system.isAt("captured", "Payment/p1"))
    #expect(try system.send("Refund", ["cents": 900], to: "Payment/p1").status == 403)
    try system.send("Refund", ["cents": 900], to: "Payment/p1", roles: "shop")
    #expect(try system.work("refunds")["arguments"] == ["ref": "auth-p1", "cents": 900])
    #expect(try system.isAt("reversed", "Payment/p1"))
    try system.send("Pay", ["payment": "p2", "cents": 900, "card": "declined"], roles: "shop")
    #expect(try system.isAt("declined", "Payment/p2"))
  }

  private func subscribe(_ system: System) throws {
    var member: JSON = ["id": "s1", "email": "ann@example.test", "card": "visa", "cents": 900, "trial": 0]
    try system.send("Subscribe", member, roles: "member")
    try system.work("billing", result: "receipt-1")
    #expect(try system.work("mail")["arguments"]?["template"] == "receipt")
    #expect(try system.isAt("active", "Subscription/s1"))
    member = ["id": "s2", "email": "bob@example.test", "card": "visa", "cents": 900]
    try system.send("Subscribe", member, roles: "member")
    #expect(try system.send("Cancel", to: "Subscription/s2", roles: "member").json["to"] == ["ended"])
  }

  private func transfer(_ system: System) throws {
    for (id, isOpen) in [("t1", true), ("t2", false)] {
      let order: JSON = ["id": .string(id), "from": "a", "to": "b", "cents": 500]
      try system.send("Transfer", order, roles: "sender")
      try system.work("ledger", result: ["id": "e1"])
      try system.work("market", result: ["quote": "q1", "cents": 480])
      if isOpen { try system.work("partner") } else { try system.fail("partner", code: "CLOSED") }
      #expect(try system.isAt(isOpen ? "completed" : "undoing", "MoneyTransfer/\(id)"))
    }
    #expect(try system.work("market")["arguments"] == ["quote": "q1"], "the last step is undone first")
    #expect(try system.work("ledger")["arguments"] == ["entry": "e1"])
    #expect(try system.isAt("returned", "MoneyTransfer/t2"))
  }

  // MARK: - Approvals

  @Test("expenses, access and signatures are served together") func approvals() throws {
    let system = try System(path: "samples/approvals")
    #expect(try system.flows == ["Access", "Ballot", "Document", "Expense", "Proposal", "Task"])
    try approveExpense(system)
    try grantAccess(system)
    try signDocument(system)
    try decideProposal(system)
  }

  private func approveExpense(_ system: System) throws {
    try system.send("Report", ["id": "e1", "cents": 900, "approvers": ["max"]], as: "ann", roles: "employee")
    #expect(try system.send("Approve", to: "Expense/e1", as: "ann").status == 409)
    try system.send("Approve", to: "Expense/e1", as: "max")
    #expect(try system.work("payroll")["arguments"]?["owner"] == "ann")
    #expect(try system.isAt("paid", "Expense/e1", roles: "finance"))
    #expect(try system.view("Expense/e1", as: "ann")["state"] == ["paid"])
    #expect(try system.view("Expense/e1", as: "eve")["code"] == "not-found")
  }

  private func grantAccess(_ system: System) throws {
    let request: JSON = ["id": "a1", "system": "db", "time": "2h"]
    try system.send("RequestAccess", request, as: "ann", roles: "engineer")
    try system.send("Approve", to: "Access/a1", as: "olga", roles: "owner")
    try system.work("iam", result: ["id": "g1"])
    #expect(try system.isAt("usable.quiet", "Access/a1"))
    try system.send("Revoke", to: "Access/a1", as: "ann", roles: "engineer")
    #expect(try system.work("iam")["arguments"] == ["grant": "g1"])
    #expect(try system.isAt("revoked", "Access/a1"))
  }

  private func signDocument(_ system: System) throws {
    let document: JSON = ["id": "d1", "title": "Lease", "signers": ["ann", "bob"]]
    try system.send("Circulate", document, as: "max", roles: "author")
    for signer in ["ann", "bob"] {
      #expect(try system.isAt("asked", "Task/d1:\(signer)"), "the key of the task is computed")
      try system.send("Sign", to: "Task/d1:\(signer)", as: signer, roles: "signer")
    }
    let forged = try system.send("Signed", ["id": "d1", "signer": "eve"], to: "Document/d1")
    #expect(forged.json["code"] == "internal-event")
    #expect(try system.work("notary", result: "seal-1")["arguments"]?["signers"] == ["ann", "bob"])
    #expect(try system.isAt("sealed", "Document/d1"))
  }

  private func decideProposal(_ system: System) throws {
    let proposal: JSON = ["id": "p1", "text": "new roof", "members": ["ann", "bob", "cleo"], "quorum": 2]
    try system.send("Propose", proposal, as: "max", roles: "chair")
    for member in ["ann", "bob"] {
      let ballot = "p1/\(member)"
      #expect(try eventually { try system.view("Ballot/" + ballot.replacing("/", with: "%2F"))["state"] == ["open"] })
      try system.send("Vote", ["ballot": .string(ballot), "yes": true], as: member, roles: "committee")
    }
    #expect(try system.isAt("accepted", "Proposal/p1"), "the first two answers are sufficient")
    #expect(try eventually { try system.view("Ballot/p1%2Fcleo")["status"] == "failed" })
  }

  // MARK: - Operations

  @Test("incidents, canaries, rotas and maintenance are served together") func operations() throws {
    let system = try System(path: "samples/operations")
    #expect(try system.flows == ["Backup", "Canary", "Incident", "Rota", "Session", "Window"])
    try handleIncident(system)
    try deployCanary(system)
    try runRota(system)
    try maintain(system)
  }

  private func handleIncident(_ system: System) throws {
    try system.send("Detected", ["service": "shop", "summary": "5xx"], roles: "monitor")
    #expect(try system.work("pager")["arguments"] == ["who": "primary", "text": "5xx"])
    try system.send("Acknowledge", to: "Incident/shop", roles: "responder")
    try system.send("Publish", ["text": "we know"], to: "Incident/shop", roles: "responder")
    #expect(try system.work("statuspage")["arguments"]?["text"] == "we know")
    #expect(try system.view("Incident/shop")["state"] == ["open.response.handled", "open.status.public"])
    try system.send("Recovered", to: "Incident/shop", roles: "monitor")
    #expect(try system.send("Close", to: "Incident/shop", roles: "responder").json["to"] == ["closed"])
  }

  private func deployCanary(_ system: System) throws {
    try system.send("Deploy", ["service": "shop", "version": "v2", "bake": "100ms"], roles: "maintainer")
    for percent: JSON in [10, 100] { #expect(try system.work("mesh")["arguments"]?["percent"] == percent) }
    #expect(try system.isAt("deployed", "Canary/shop"))
    #expect(try system.services.calls("/metrics/shop?version=v2").count == 2)
  }

  private func runRota(_ system: System) throws {
    try system.send("Form", ["team": "core", "people": ["ann", "bob", "cleo"]], roles: "manager")
    try system.send("Swap", ["with": "cleo"], to: "Rota/core", as: "bob", roles: "engineer")
    #expect(try system.view("Rota/core")["data"]?["people"] == ["cleo", "bob", "ann"])
    #expect(try system.send("Disband", to: "Rota/core", roles: "manager").json["to"] == ["disbanded"])
  }

  private func maintain(_ system: System) throws {
    let started = try system.client.send("POST", "/v1/flows/Backup/schedules/0/run", .object([]))
    #expect(started.status == 201, "\(started.text)")
    #expect(try system.work("backup", result: 42)["action"] == "backup")
    try system.send("SignIn", ["session": "s1", "user": "ann"])
    let window: JSON = ["window": "w1", "begins": "2999-01-01T00:00:00Z", "text": "new disks"]
    try system.send("Announce", window, roles: "operator")
    #expect(try system.work("banner")["arguments"] == ["session": "s1", "text": "new disks"])
    #expect(try system.isAt("warned", "Session/s1"))
  }

  // MARK: - Data

  @Test("ingests, erasures and exports are served together") func data() throws {
    let system = try System(path: "samples/data")
    #expect(try system.flows == ["DataExport", "Erasure", "Ingest", "LoadPart", "Video"])
    try ingest(system)
    try erase(system)
    try export(system)
    try transcode(system)
  }

  private func ingest(_ system: System) throws {
    try system.send("Upload", ["file": "a.csv", "bytes": 900])
    try system.work("files", result: [["id": "p1", "offset": 0], ["id": "p2", "offset": 500]])
    try system.work("loader", result: ["rows": 400])
    try system.fail("loader", code: "CORRUPT")
    try system.work("index")
    #expect(try system.isAt("accepted", "Ingest/a.csv"))
    let data = try system.view("Ingest/a.csv")["data"]
    #expect(data?["rows"] == 400 && data?["bad"] == ["part p2"])
  }

  private func erase(_ system: System) throws {
    try system.send("Erase", ["id": "e1", "email": "ann@example.test"])
    while try system.work("mail", result: "4711")["action"] != "challenge" {}
    #expect(try system.send("Confirm", ["code": "1234"], to: "Erasure/e1").status == 409)
    try system.send("Confirm", ["code": "4711"], to: "Erasure/e1")
    let systems = try (0..<4).map { _ in try system.work("privacy", result: 1)["arguments"]?["system"]?.string }
    #expect(systems == ["newsletter", "customers", "invoices", "backups"])
    #expect(try system.isAt("erased", "Erasure/e1", roles: "officer"))
  }

  private func export(_ system: System) throws {
    try system.send("Export", ["id": "x1", "query": "all", "pause": "50ms"], roles: "analyst")
    #expect(try system.isAt("exported", "DataExport/x1"))
    #expect(try system.services.calls("/exports/job-1").count == 2)
    #expect(try system.view("DataExport/x1")["data"]?["pause"] == "0.1s")
  }

  private func transcode(_ system: System) throws {
    let film: JSON = ["id": "film", "plan": "free", "formats": ["h264"]]
    try system.send("Uploaded", film)
    try system.work("transcoders", result: "film.png")
    #expect(try system.isAt("transcoding", "Video/film"))
    try system.send("Uploaded", ["id": "match", "plan": "live", "formats": ["h264"]])
    let first = try system.work("transcoders", result: "match.png")
    #expect(first["key"] == "match" && first["priority"] == 1000, "a preview overtakes what waits")
    #expect(try system.isAt("transcoding", "Video/match"))
    #expect(try system.work("transcoders", result: "match.mp4")["key"] == "match", "a live video overtakes a free one")
    #expect(try system.isAt("published", "Video/match"))
    #expect(try system.work("transcoders", result: "film.mp4")["priority"] == 40)
    #expect(try system.isAt("published", "Video/film"))
  }

  // MARK: - Devices

  @Test("twins, rollouts and alarms are served together") func devices() throws {
    let system = try System(path: "samples/devices")
    #expect(try system.flows == ["PointAlarm", "Rollout", "Twin", "Update"])
    try synchronizeTwin(system)
    try rollOut(system)
    try raiseAlarm(system)
  }

  private func synchronizeTwin(_ system: System) throws {
    try system.send("Register", ["device": "d1"])
    try system.send("Desire", ["name": "led", "value": "on"], to: "Twin/d1", roles: "operator")
    #expect(try system.work("mqtt")["arguments"]?["properties"] == ["led": "on"])
    let reported = try system.send("Report", ["name": "led", "value": "on"], to: "Twin/d1")
    #expect(reported.json["to"] == ["twin.link.online", "twin.shadow.synchronized"])
    #expect(try system.send("Retire", to: "Twin/d1", roles: "operator").json["to"] == ["retired"])
  }

  private func rollOut(_ system: System) throws {
    let release: JSON = ["release": "2.0", "previous": "1.0", "devices": ["a", "b", "c"], "observe": "50ms"]
    try system.send("Roll", release, roles: "operator")
    let devices = try (0..<3).map { _ in try system.work("firmware")["arguments"]?["device"]?.string }
    #expect(devices == ["a", "b", "c"], "a wave each")
    #expect(try system.isAt("complete", "Rollout/2.0"))
  }

  private func raiseAlarm(_ system: System) throws {
    let point: JSON = ["point": "tank", "high": 80, "deadband": 5, "delay": "50ms"]
    try system.send("Configure", point, roles: "engineer")
    try system.send("Measured", ["value": 81], to: "PointAlarm/tank")
    #expect(try system.isAt("watched.unacknowledged", "PointAlarm/tank"))
    #expect(try system.work("panel")["arguments"] == ["point": "tank", "on": true])
    try system.send("Acknowledge", to: "PointAlarm/tank", roles: "operator")
    let cleared = try system.send("Measured", ["value": 74], to: "PointAlarm/tank")
    #expect(cleared.json["to"] == ["watched.normal"])
    #expect(try system.send("Remove", to: "PointAlarm/tank", roles: "engineer").json["to"] == ["removed"])
  }
}

extension System {
  fileprivate struct NoJob: Error { var queue: String }

  /// The names of the served flows, sorted.
  fileprivate var flows: [String] {
    get throws {
      try client.send("GET", "/v1/flows").json["items"]?.array?.compactMap { $0["name"]?.string }.sorted() ?? []
    }
  }

  /// Whether an instance reaches a state.
  fileprivate func isAt(_ state: JSON, _ instance: String, roles: String = "") throws -> Bool {
    try eventually { try view(instance, roles: roles)["state"] == [state] }
  }

  /// Claims the next job of a queue and completes it, as a remote worker does.
  /// - Returns: The job, with its action and arguments.
  @discardableResult
  fileprivate func work(_ queue: String, result: JSON = .null) throws -> JSON {
    try end(queue, "complete") { ["fence": $0, "result": result] }
  }

  /// Claims the next job of a queue and fails it.
  fileprivate func fail(_ queue: String, code: String) throws {
    _ = try end(queue, "fail") { ["fence": $0, "code": .string(code), "message": "by the test"] }
  }

  private func end(_ queue: String, _ outcome: String, _ body: (JSON) -> JSON) throws -> JSON {
    let claim: JSON = ["queue": .string(queue), "limit": 1, "wait": "20s"]
    guard let job = try client.send("POST", "/v1/jobs/claim", claim).json["items"]?.array?.first,
      let id = job["id"]?.int, let fence = job["fence"]
    else { throw NoJob(queue: queue) }
    let answer = try client.send("POST", "/v1/jobs/\(id)/\(outcome)", body(fence))
    #expect(answer.status == 200, "\(answer.text)")
    return job
  }
}
