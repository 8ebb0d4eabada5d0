import FlowHTTP
import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// The dashboard and the resources that it uses, against a real server.
@Suite("Dashboard", .serialized) struct DashboardTests {
  private let folder: TestFolder
  private let keys: Keys

  init() throws {
    folder = try TestFolder()
    keys = Keys(in: folder)
  }

  private func serve(_ arguments: String...) throws -> ServerProcess {
    try ServerProcess([EndToEndTests.order, EndToEndTests.approval, "--store", folder.store] + arguments)
  }

  private static let page = ["Accept": "text/html"]

  // MARK: - Files

  @Test("the page refers to files with content hashes that are cached indefinitely")
  func files() throws {
    let server = try serve("--ui-dir", try pageFolder())
    let client = HTTPClient(port: server.port)
    let page = try client.send("GET", "/ui/")
    #expect(page.status == 200)
    #expect(page.headers["cache-control"] == "no-cache")
    let policy = try #require(page.headers["content-security-policy"])
    for rule in ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"] {
      #expect(policy.contains(rule))
    }
    let address = try #require(page.text.firstMatch(of: /src="([0-9a-f]{16})\/app\.js"/)).1
    let file = try client.send("GET", "/ui/\(address)/app.js")
    #expect(file.status == 200)
    #expect(file.headers["content-type"] == "text/javascript; charset=utf-8")
    #expect(file.headers["cache-control"] == "public, max-age=31536000, immutable")
    #expect(try client.send("GET", "/ui/\(address)/views/overview.js").status == 200)
    #expect(try client.send("GET", "/ui/0000000000000000/app.js").status == 404)
    #expect(try client.send("GET", "/ui/\(address)/..%2Findex.html").status == 404)
    let tag = try #require(page.headers["etag"])
    #expect(try client.send("GET", "/ui/", headers: ["If-None-Match": tag]).status == 304)
  }

  /// A folder with a page and a module of arbitrary content, so that the test needs no package registry.
  private func pageFolder() throws -> String {
    let copy = folder.url.appending(path: "page")
    try FileManager.default.copyItem(at: packageRoot.appending(path: "Sources/Server/Dashboard"), to: copy)
    _ = try folder.write("page/preact.js", "export {}")
    return copy.path
  }

  @Test("a build without the module serves a page that explains the missing file")
  func withoutModule() throws {
    #expect(!Dashboard(files: ["index.html": Array("<p>".utf8), "app.js": []]).isComplete)
    #expect(Dashboard(files: ["index.html": Array("<p>".utf8), Dashboard.module: []]).isComplete)
    let page = HTTPResponse.missingDashboard
    let text = String(decoding: page.body, as: UTF8.self)
    #expect(page.status == 501)
    #expect(page.headers.contains { $0 == ("Content-Type", "text/html; charset=utf-8") })
    #expect(text.contains("<code>make setup</code>") && text.contains("href=\"../docs\""))
  }

  @Test("the root redirects browsers to the page and lists the addresses for programs")
  func root() throws {
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let browser = try client.send("GET", "/", headers: DashboardTests.page)
    #expect(browser.status == 303)
    #expect(browser.headers["location"] == "ui/")
    #expect(try client.send("GET", "/").json["openapi"] == "/openapi.json")
  }

  @Test("--no-ui serves no page")
  func withoutPage() throws {
    let server = try serve("--no-ui")
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "/ui/").status == 404)
    #expect(try client.send("GET", "/", headers: DashboardTests.page).headers["location"] == "docs")
  }

  @Test("every file of the page is embedded in the program")
  func embedded() throws {
    let list = try String(
      contentsOf: packageRoot.appending(path: "Sources/System/CDashboard/dashboard.c"), encoding: .utf8)
    let root = packageRoot.appending(path: "Sources/Server/Dashboard")
    let names = try #require(FileManager.default.subpaths(atPath: root.path)).filter { name in
      [".js", ".css", ".svg", ".html"].contains { name.hasSuffix($0) }
    }
    #expect(names.count > 20)
    for name in names { #expect(list.contains("FILE_OF(\"\(name)\""), "\(name) is not embedded") }
  }

  // MARK: - Sessions

  @Test("a browser signs in with a key, which is stored in a cookie")
  func session() throws {
    let key = try keys.add("ann", "--scope", "read", "--role", "manager")
    let server = try serve("--keys", keys.path)
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "/v1/me").status == 401)
    #expect(try client.send("POST", "/v1/session", ["key": "flow_wrong"]).status == 401)
    #expect(try client.send("POST", "/v1/session", ["key": "a;b"]).status == 400)
    let signedIn = try client.send("POST", "/v1/session", ["key": .string(key)])
    #expect(signedIn.status == 204)
    let cookie = try #require(signedIn.headers["set-cookie"])
    #expect(cookie.contains("HttpOnly; SameSite=Strict"))
    let sent = ["Cookie": String(cookie.prefix { $0 != ";" })]
    let me = try client.send("GET", "/v1/me", headers: sent).json
    #expect(me["name"] == "ann")
    #expect(me["scopes"] == ["read"])
    #expect(me["roles"] == ["manager"])
    #expect(me["authentication"] == "key")
    #expect(try client.send("GET", "/v1/flows", headers: sent).status == 200)
    let other = try client.send("POST", "/v1/events", AccessTests.placed, headers: sent)
    #expect(other.status == 403)
    let signedOut = try client.send("DELETE", "/v1/session", headers: sent)
    #expect(signedOut.headers["set-cookie"]?.contains("Max-Age=0") == true)
  }

  @Test("a page of another origin cannot use the session")
  func otherOrigin() throws {
    let key = try keys.add("ann", "--scope", "read", "--scope", "send")
    let server = try serve("--keys", keys.path)
    let client = HTTPClient(port: server.port)
    let headers = ["Cookie": "flow_session=\(key)", "Origin": "https://evil.example"]
    #expect(try client.send("POST", "/v1/events", AccessTests.placed, headers: headers).status == 403)
    #expect(
      try client.send("POST", "/v1/session", ["key": .string(key)], headers: ["Origin": "https://evil.example"]).status
        == 403)
  }

  @Test("without keys every caller is admitted under the name in the request")
  func anyone() throws {
    let server = try serve("--read-only")
    let client = HTTPClient(port: server.port)
    let me = try client.send("GET", "/v1/me", headers: ["Flow-Caller": "ann", "Flow-Roles": "manager"]).json
    #expect(me["name"] == "ann")
    #expect(me["authentication"] == "none")
    #expect(me["readOnly"] == true)
  }

  @Test("only pages of an origin added by the operator can send requests and read responses")
  func addedOrigin() throws {
    let server = try serve("--origin", "https://desk.example")
    let client = HTTPClient(port: server.port)
    let question = ["Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"]
    let desk = ["Origin": "https://desk.example"]
    let preflight = try client.send("OPTIONS", "/v1/events", headers: question.merging(desk) { first, _ in first })
    #expect(preflight.status == 204)
    #expect(preflight.headers["access-control-allow-origin"] == "https://desk.example")
    #expect(preflight.headers["access-control-allow-methods"]?.contains("POST") == true)
    #expect(preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
    #expect(preflight.headers["access-control-allow-credentials"] == nil)
    let answer = try client.send("POST", "/v1/events", AccessTests.placed, headers: desk)
    #expect(answer.status == 201)
    #expect(answer.headers["access-control-allow-origin"] == "https://desk.example")
    #expect(answer.headers["access-control-expose-headers"]?.contains("ETag") == true)
    let other = ["Origin": "https://evil.example"]
    let refused = try client.send("OPTIONS", "/v1/events", headers: question.merging(other) { first, _ in first })
    #expect(refused.status >= 400)
    #expect(refused.headers["access-control-allow-origin"] == nil)
    let read = try client.send("GET", "/v1/flows", headers: other)
    #expect(read.headers["access-control-allow-origin"] == nil)
    #expect(read.headers["vary"]?.contains("Origin") == true || read.status >= 400)
  }

  @Test("statistics for a key for some flows cover only those, without the store size")
  func limitedStatistics() throws {
    let admin = try keys.add("admin", "--scope", "read", "--scope", "send", "--role", "requester")
    let single = try keys.add("single", "--scope", "read", "--flow", "Order")
    let server = try serve("--keys", keys.path)
    let client = HTTPClient(port: server.port)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed, headers: bearer(admin)).status == 201)
    #expect(try client.send("POST", "/v1/events", AccessTests.request, headers: bearer(admin)).status == 201)
    let all = try client.send("GET", "/v1/stats?include=rates", headers: bearer(admin)).json
    #expect(all["items"]?.array?.count == 2)
    #expect(all["storeBytes"]?.int != nil)
    let some = try client.send("GET", "/v1/stats?include=rates", headers: bearer(single)).json
    #expect(some["items"]?.array?.compactMap { $0["flow"]?.string } == ["Order"])
    #expect(some["rates"]?["items"]?.array?.compactMap { $0["flow"]?.string } == ["Order"])
    #expect(some["storeBytes"] == nil)
    #expect(try client.send("GET", "/v1/stats?flow=Approval", headers: bearer(single)).status == 403)
  }

  // MARK: - Lists

  @Test("a list has the total count and the data on request")
  func lists() throws {
    let server = try serve()
    let client = HTTPClient(port: server.port)
    for number in 1...3 {
      let data: JSON = ["order_id": .string("o\(number)"), "email": "a@b.c", "items": []]
      #expect(try client.send("POST", "/v1/events", ["event": "Placed", "data": data]).status == 201)
    }
    let counted = try client.send("GET", "/v1/instances?limit=1&count=true&status=running").json
    #expect(counted["page"]?["total"] == 3)
    #expect(counted["items"]?.array?.count == 1)
    #expect(try client.send("GET", "/v1/instances?count=true&q=key%20%3D%3D%20%22o2%22").json["page"]?["total"] == 1)
    let plain = try client.send("GET", "/v1/instances").json
    #expect(plain["page"]?["total"] == nil)
    #expect(plain["items"]?.array?.first?["data"] == nil)
    let withData = try client.send("GET", "/v1/flows/Order/instances?include=data&key=o2").json
    #expect(withData["items"]?.array?.first?["data"]?["email"] == "a@b.c")
  }

  @Test("a redacted field stays masked in lists with data")
  func redactedLists() throws {
    _ = try folder.write("flow.toml", "[serve.redact]\nOrder = [\"email\"]\n")
    for name in ["order.flow", "payments.flow"] {
      _ = try folder.write(
        name, try String(contentsOf: packageRoot.appending(path: "samples/\(name)"), encoding: .utf8))
    }
    let source = folder.url.appending(path: "order.flow").path
    let server = try ServerProcess([source, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed).status == 201)
    let answer = try client.send("GET", "/v1/instances?include=data")
    #expect(answer.json["items"]?.array?.first?["data"]?["order_id"] == "o1")
    #expect(!answer.text.contains("a@b.c"))
  }

  @Test("starts and transitions have their event, roles and schedule")
  func triggers() throws {
    let server = try ServerProcess([EndToEndTests.approval, "--store", folder.store])
    let flow = try HTTPClient(port: server.port).send("GET", "/v1/flows/Approval").json
    #expect(flow["starts"]?.array?.first?["event"] == "Request")
    #expect(flow["starts"]?.array?.first?["roles"] == ["requester"])
    #expect(flow["starts"]?.array?.first?["guard"] == "event.cents > 0")
    let after = try #require(flow["transitions"]?.array?.first { $0["after"] != nil })
    #expect(after["event"] == .null)
    #expect(after["after"] == "30d")
  }

  @Test("statistics count starts and ends per minute")
  func rates() throws {
    let server = try serve()
    let client = HTTPClient(port: server.port)
    #expect(try client.send("POST", "/v1/events", AccessTests.placed).status == 201)
    let rates = try client.send("GET", "/v1/stats?include=rates&minutes=5").json["rates"]
    let order = try #require(rates?["items"]?.array?.first { $0["flow"] == "Order" })
    #expect(order["started"]?.array?.count == 5)
    #expect(order["started"]?.array?.compactMap(\.int).reduce(0, +) == 1)
    #expect(order["failed"]?.array?.compactMap(\.int).reduce(0, +) == 0)
    #expect(try client.send("GET", "/v1/stats").json["rates"] == nil)
  }

  @Test("jobs and steps have their status")
  func jobs() throws {
    let server = try ServerProcess(
      [packageRoot.appending(path: "samples/drip.flow").path, "--store", folder.store, "--allow-private"],
      environment: ["SHOP_URL": "http://127.0.0.1:9"])
    let client = HTTPClient(port: server.port)
    let data: JSON = ["name": "Ann", "email": "ann@example.test"]
    #expect(try client.send("POST", "/v1/events", ["event": "SignedUp", "data": data]).status == 201)
    let view = try client.send("GET", "/v1/flows/Drip/instances/ann@example.test").json
    let statuses = view["calls"]?.array?.map { "\($0["name"]?.string ?? ""): \($0["status"]?.string ?? "")" } ?? []
    #expect(["who: running", "who: retrying"].contains(statuses.first))
    #expect(statuses.dropFirst() == ["hello: waiting", "list: waiting", "first: waiting", "last: waiting"])
    let job = try client.send("GET", "/v1/jobs").json["items"]?.array?.first
    #expect(job?["action"] == "account")
    #expect(job?["key"] == "ann@example.test")
    let calls = try client.send("GET", "/v1/flows/Drip").json["calls"]
    #expect(calls?.array?.first { $0["name"] == "last" }?["after"] == ["who", "hello", "list", "first"])
  }

  @Test("schedules have their next run")
  func schedules() throws {
    let source = try folder.write("clock.flow", "flow Clock {\n  start every 1h -> done\n  final done\n}\n")
    let server = try ServerProcess([source, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let item = try client.send("GET", "/v1/schedules").json["items"]?.array?.first
    #expect(item?["flow"] == "Clock")
    #expect(item?["label"] == "every 1h")
    #expect(item?["nextAt"]?.string != nil)
    #expect(try client.send("GET", "/v1/flows/Clock").json["starts"]?.array?.first?["nextAt"] == item?["nextAt"])
  }
}
