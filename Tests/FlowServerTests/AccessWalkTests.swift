import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// Every route with every combination of scopes, flows and readers: no byte of a response holds a value that the key
/// may not read.
@Suite(.serialized) struct AccessWalkTests {
  /// One key of the walk, and what it may see.
  private struct Caller {
    var name: String
    var key: String
    var scopes: Set<String>
    var isLimited: Bool
    var isAuditor: Bool

    /// The secrets that a response may hold.
    func visible(in route: Route) -> Set<Secret> {
      // A worker gets the arguments of the jobs that it claims.
      if route.template == "/v1/jobs/claim" { return scopes.contains("work") ? Set(Secret.allCases) : [] }
      guard scopes.contains("read") else { return [] }
      var secrets: Set<Secret> = []
      if isAuditor { secrets.insert(.restricted) }
      if !isLimited { secrets.insert(.other) }
      return secrets
    }
  }

  /// A planted value, by the rule that hides it.
  private enum Secret: String, CaseIterable {
    /// By the read rules of `Hidden`.
    case restricted = "planted-restricted-4f1d"
    /// By redaction of a field of `Hidden`, under each name that it passes through.
    case redacted = "planted-redacted-9c2e"
    /// By the limit of a key to the flow `Hidden`.
    case other = "planted-other-77ab"
  }

  private static let source = """
    role auditor
    type Person { mail: string  city: string }
    event Open { id: string  owner: string  note: string  contact: string  person: Person }
    event Ask { text: string }
    event Fail
    event Told { id: string  address: string  person: Person  remark: string }
    action note(id: string, text: string) -> string { worker "desk"  retry 0 }
    action mail(to: string, copies: list<string>) -> string { worker "desk"  retry 0 }
    flow Hidden {
      key id
      read by auditor
      data { id: string  owner: string  note: string  email: string  copy: string = ""  person: Person
        answer: string = "" }
      let shouted = email + "!"
      start on Open -> open do {
        id = event.id
        owner = event.owner
        note = event.note
        email = event.contact
        person = event.person
        copy = shouted
        note(id: event.id, text: event.note)
        mail(to: copy, copies: [person.mail])
        emit Told { id: event.id, address: copy, person: event.person, remark: event.note }
        log "opened {note} for {email}"
      }
      state open {
        on Ask when event.text == note && event.text != copy -> closed
        on Fail -> asking
      }
      state asking {
        call mail(to: email, copies: [shouted, person.mail]) as sent
        on sent.done -> closed do answer = event.result
        on sent.failed when event.message == "unexpected" -> closed
      }
      final closed
    }
    flow Other {
      key id
      data { id: string  last: string = ""  word: string = "" }
      start on Begin -> open do {
        id = event.id
        word = event.word
        note(id: event.id, text: event.word)
        log "began {event.word}"
      }
      state open {
        on Fail -> open
      }
      ongoing
    }
    flow Log {
      key id
      read by auditor
      data { id: string  last: string  person: Person  remark: string }
      start on Told -> open do {
        id = event.id
        last = event.address
        person = event.person
        remark = event.remark
      }
      state open { ignore Told }
      ongoing
    }
    event Begin { id: string  word: string }
    """

  private let folder: TestFolder
  private let keys: Keys
  private let file: String

  init() throws {
    folder = try TestFolder()
    keys = Keys(in: folder)
    file = try folder.write("hidden.flow", AccessWalkTests.source)
    _ = try folder.write("flow.toml", "[serve.redact]\nHidden = [\"email\", \"mail\"]\n")
  }

  /// A key of each combination. Those that change the most come last, so that the others find everything in place.
  private func callers() throws -> [Caller] {
    let scopes = KeyRing.scopeNames
    var sets = scopes.map { Set([$0]) } + [["read", "send"], ["read", "work"], ["read", "operate"]]
    sets.append(Set(scopes))
    var callers: [Caller] = []
    for set in sets {
      for isLimited in [false, true] where !isLimited || !set.contains("deploy") {
        for isAuditor in [false, true] {
          let name = (set.sorted() + [isLimited ? "limited" : "all", isAuditor ? "auditor" : "anyone"])
            .joined(separator: "-")
          var arguments = ["--scope", set.sorted().joined(separator: ",")]
          if isLimited { arguments += ["--flow", "Hidden"] }
          if isAuditor { arguments += ["--role", "auditor"] }
          let key = try keys.add(name, arguments)
          callers.append(Caller(name: name, key: key, scopes: set, isLimited: isLimited, isAuditor: isAuditor))
        }
      }
    }
    return callers.sorted { !$0.scopes.contains("operate") && $1.scopes.contains("operate") }
  }

  private func plant(_ client: HTTPClient, _ headers: [String: String]) throws {
    let person: JSON = ["mail": .string(Secret.redacted.rawValue), "city": "Ghent"]
    let opened: JSON = [
      "id": "h1", "owner": "nobody", "note": .string(Secret.restricted.rawValue),
      "contact": .string(Secret.redacted.rawValue), "person": person,
    ]
    let begun: JSON = ["id": "h1", "word": .string(Secret.other.rawValue)]
    for event: JSON in [["event": "Open", "data": opened], ["event": "Begin", "data": begun]] {
      let answer = try client.send("POST", "/v1/events", event, headers: headers)
      try #require(answer.status == 201, "\(answer.text)")
    }
    // Two failures become dead letters, whose messages quote what a program would quote.
    let claimed =
      try client.send(
        "POST", "/v1/jobs/claim", ["queue": "desk", "limit": 2], headers: headers
      ).json["items"]?.array ?? []
    try #require(claimed.count == 2)
    for job in claimed {
      let message = "refused: \(job["arguments"]?.text() ?? "")"
      let failure: JSON = ["fence": job["fence"] ?? .null, "code": "UNREACHABLE", "message": .string(message)]
      let answer = try client.send("POST", "/v1/jobs/\(job["id"]?.int ?? 0)/fail", failure, headers: headers)
      try #require(answer.status == 200, "\(answer.text)")
    }
    let fail = try client.send("POST", "/v1/flows/Hidden/instances/h1/events", ["event": "Fail"], headers: headers)
    try #require(fail.status == 200)
  }

  // MARK: - Requests

  private func paths(of route: Route) -> [String] {
    let flows = route.template.contains("{flow}") ? ["Hidden", "Other", "Log"] : [""]
    return flows.flatMap { flow -> [String] in
      let event = flow == "Hidden" ? "Ask" : flow == "Log" ? "Told" : "Fail"
      let path = route.template.replacing("{flow}", with: flow).replacing("{key}", with: "h1")
        .replacing("{event}", with: event).replacing("{id}", with: "1").replacing("{version}", with: "1")
        .replacing("{batch}", with: "1").replacing("{code}", with: "gone")
      return [path] + queries(of: route).map { path + $0 }
    }
  }

  private func queries(of route: Route) -> [String] {
    switch (route.method, route.template) {
    case (_, let template) where template.hasSuffix("/instances") && route.method == "GET":
      ["?include=data&count=true", "?q=data.size()%20%3E%200%20%26%26%20key%20==%20'h1'"]
    case ("GET", "/v1/stats"): ["?include=rates"]
    case ("GET", let template) where template.hasSuffix("/transitions"):
      ["?event=Ask&data=%7B%22text%22%3A%22x%22%7D"]
    case (let method, let template) where method != "GET" && template.contains("{key}") || template == "/v1/events":
      ["?dryRun=true"]
    default: []
    }
  }

  private func body(of route: Route, _ path: String) -> JSON? {
    if route.method == "GET" || route.method == "DELETE" { return nil }
    if route.scope == .send {
      if path.contains("/Other/") { return ["event": "Fail"] }
      if path.contains("/Log/") { return ["event": "Ask", "data": ["text": "x"]] }
      let reopened: JSON = [
        "id": "h1", "owner": "x", "note": "x", "contact": "x", "person": ["mail": "x", "city": "x"],
      ]
      return path.contains("/{key}/") || path.contains("/h1/")
        ? ["event": "Ask", "data": ["text": "x"]] : ["event": "Open", "data": reopened]
    }
    switch route.template {
    case "/v1/jobs/claim": return ["queue": "desk", "limit": 1, "lease": "1s"]
    case "/v1/batches": return ["operation": "retry", "filter": ["flow": "Hidden"], "dryRun": true]
    case let template where template.hasSuffix("/simulate"): return ["steps": []]
    case let template where template.hasPrefix("/v1/jobs/"): return ["fence": 1, "code": "UNREACHABLE"]
    default: return ["reason": "walk"]
    }
  }

  /// Whether the walk performs a route: sign-outs and deployments would end it.
  private func isWalked(_ route: Route, by caller: Caller) -> Bool {
    if route.template == Route.live || route.template == Route.session { return false }
    return route.scope != .deploy || !caller.scopes.contains("deploy")
  }

  private func check(_ text: String, allowed: Set<Secret>, _ what: String) {
    for secret in Secret.allCases where !allowed.contains(secret) {
      #expect(!text.contains(secret.rawValue), "\(secret) in \(what): \(text.prefix(2_000))")
    }
  }

  private func walk(_ caller: Caller, _ client: HTTPClient) throws -> (count: Int, found: Set<Secret>) {
    var count = 0
    var found: Set<Secret> = []
    for route in Route.all where isWalked(route, by: caller) {
      for path in paths(of: route) {
        let accepted = route.method == "GET" ? ["application/json", "application/x-ndjson", "text/plain"] : ["*/*"]
        for accept in accepted {
          let headers = bearer(caller.key).merging(["Accept": accept, "Prefer": "wait=0"]) { $1 }
          let answer = try client.send(route.method, path, body(of: route, path), headers: headers)
          let text = answer.headers.map { "\($0): \($1)\n" }.joined() + answer.text
          check(text, allowed: caller.visible(in: route), "\(route.method) \(path) for \(caller.name)")
          #expect(answer.status < 500 || answer.status == 501, "\(path): \(answer.text)")
          found.formUnion(Secret.allCases.filter { text.contains($0.rawValue) })
          count += 1
        }
      }
    }
    return (count, found)
  }

  /// What a socket and a stream show.
  private func listen(_ caller: Caller, port: Int) throws {
    let probe = Route.all.first { $0.template == Route.live }
    let allowed = probe.map(caller.visible) ?? []
    guard let socket = try? WebSocketClient(port: port, path: "/v1/live?since=0", headers: bearer(caller.key)) else {
      #expect(!caller.scopes.contains("read"))
      return
    }
    let ask: JSON = ["id": 8, "op": "send", "flow": "Hidden", "key": "h1", "event": "Ask", "data": ["text": "x"]]
    try socket.send(ask)
    try socket.send(["id": 9, "op": "ping"])
    while case let message = try socket.receive(), message["re"]?.int != 9 {
      check(message.text(), allowed: allowed, "the live stream of \(caller.name)")
    }
  }

  @Test("no response holds a value that its key may not read", .timeLimit(.minutes(5)))
  func noResponseHoldsASecret() throws {
    let planter = try keys.add("planter", "--scope", "read,send,work", "--role", "auditor")
    let callers = try callers()
    let audit = folder.url.appending(path: "audit").path
    let server = try ServerProcess(
      [file, "--store", folder.store, "--keys", keys.path, "--log-level", "debug", "--audit", audit])
    let client = HTTPClient(port: server.port)
    try plant(client, bearer(planter))
    var count = 0
    var found: Set<Secret> = []
    for caller in callers {
      try listen(caller, port: server.port)
      let walked = try walk(caller, client)
      count += walked.count
      found.formUnion(walked.found)
    }
    #expect(count > 3_000, "\(count) requests")
    // The walk finds them where they may be, so that it would find them elsewhere.
    #expect(found == Set(Secret.allCases))
    #expect(server.stop() == 0)
    check(server.log, allowed: [.restricted, .other], "the log")
    check(try String(contentsOfFile: audit, encoding: .utf8), allowed: [], "the audit log")
  }

  @Test("the entity tag of an instance is keyed: two servers give equal instances different tags")
  func entityTagsAreKeyed() throws {
    let reader = try keys.add("reader", "--scope", "read,send,work", "--role", "auditor")
    var tags: Set<String> = []
    for _ in 0..<2 {
      let server = try ServerProcess([file, "--store", folder.store, "--keys", keys.path])
      let client = HTTPClient(port: server.port)
      if tags.isEmpty { try plant(client, bearer(reader)) }
      let view = try client.send("GET", "/v1/flows/Hidden/instances/h1", headers: bearer(reader))
      tags.insert(try #require(view.headers["etag"]))
      #expect(server.stop() == 0)
    }
    #expect(tags.count == 2)
    #expect(Set(tags.map { $0.prefix { $0 != "-" } }).count == 1, "the revision is the same")
  }
}
