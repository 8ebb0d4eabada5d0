import FlowHTTP
import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// The budgets of `Docs/security.md`: each is reached, and the server goes on.
@Suite(.serialized) struct BudgetTests {
  private static let notes = """
    event Begin { id: string  text: string = "" }
    event Add { n: int  note: string = "" }
    flow Note {
      key id
      data { id: string  text: string  total: int = 0 }
      start on Begin -> open do {
        id = event.id
        text = event.text
      }
      state open { on Add do total = total + event.n }
      ongoing
    }
    """

  private let folder: TestFolder
  private let server: ServerProcess
  private let client: HTTPClient
  /// A condition that spends all of its fuel without a result.
  private static let endless: String = {
    let list = "[" + (0..<40).map(String.init).joined(separator: ",") + "]"
    return ["a", "b", "c", "d"].reduce("true") { "\(list).all(\($1), \($0))" }
  }()

  init() throws {
    folder = try TestFolder()
    let file = try folder.write("note.flow", BudgetTests.notes)
    server = try ServerProcess([file, "--store", folder.store])
    client = HTTPClient(port: server.port)
  }

  /// Starts instances `a0`, `a1`, … in batches.
  private func begin(_ count: Int, text: String = "") throws {
    for first in stride(from: 0, to: count, by: 1_000) {
      let events = (first..<min(first + 1_000, count)).map { index -> JSON in
        [
          "specversion": "1.0", "id": .string("\(index)"), "source": "s", "type": "Begin",
          "data": ["id": .string("a\(index)"), "text": .string(text)],
        ]
      }
      let answer = try client.send(
        "POST", "/v1/events", .array(events), headers: ["Content-Type": "application/cloudevents-batch+json"])
      try #require(answer.json["taken"]?.int == events.count, "\(answer.text.prefix(500))")
    }
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = Date()
    try body()
    return Date().timeIntervalSince(start)
  }

  private func list(_ query: String) throws -> JSON {
    try client.send("GET", "/v1/flows/Note/instances?\(query)").json
  }

  @Test("each core has a loop, unless the options say otherwise") func loopForEachCore() throws {
    let cores = min(max(ProcessInfo.processInfo.processorCount, 1), 16)
    #expect(server.threads.filter { $0.hasPrefix("flow-http-") }.count == cores)
    let folder = try TestFolder()
    let file = try folder.write("note.flow", BudgetTests.notes)
    let other = try ServerProcess([file, "--store", folder.store, "--loops", "3"])
    #expect(other.threads.filter { $0.hasPrefix("flow-http-") }.sorted() == (0..<3).map { "flow-http-\($0)" })
  }

  @Test("a page of a list ends by its rows or its time, and the pages together have everything")
  func pagesEndByRows() throws {
    try begin(10_200)
    var cursor: String?
    var (pages, found) = (0, 0)
    repeat {
      let query = "limit=500&q=key.endsWith('77')" + (cursor.map { "&cursor=\($0)" } ?? "")
      var page = JSON.null
      let time = try seconds { page = try list(query) }
      #expect(time < 5)
      found += page["items"]?.array?.count ?? 0
      cursor = page["page"]?["next"]?.string
      pages += 1
    } while cursor != nil
    #expect(found == 102)
    #expect(pages > 1, "the first page has looked at 10,000 rows")
    // Counting stops at the same budget.
    let counted = try list("limit=1&count=true&q=key.endsWith('77')")
    #expect(counted["page"]?["total"] == .null)
  }

  @Test("a condition that spends its fuel does not hold, and its page ends by time")
  func conditionsEndByFuel() throws {
    try begin(300)
    let query = try #require(BudgetTests.endless.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    var page = JSON.null
    let time = try seconds { page = try list("limit=500&q=\(query)") }
    #expect(page["items"] == [])
    #expect(time < 8, "300 evaluations of 2,560,000 steps each")
    let long = String(repeating: "1+", count: 2_100) + "1>0"
    let refused = try client.send("GET", "/v1/instances?q=" + long.replacing("+", with: "%2B"))
    #expect(refused.status == 400)
    #expect(refused.json["detail"]?.string?.contains("4096 bytes") == true)
  }

  @Test("a query ends when its client leaves")
  func queriesEndWithTheirClients() throws {
    try begin(3_000)
    let query = try #require(BudgetTests.endless.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    let request = "GET /v1/flows/Note/instances?limit=500&q=\(query) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    // A second of work each, were it done.
    for _ in 0..<40 {
      let peer = try TestPeer(port: server.port)
      try peer.send(request)
    }
    var page = JSON.null
    let time = try seconds { page = try list("limit=1") }
    #expect(page["items"]?.array?.count == 1)
    #expect(time < 5, "the reads of 40 clients that have left")
  }

  @Test("a page of a list with data ends by its bytes")
  func listsEndByBytes() throws {
    for index in 0..<16 {
      let begin: JSON = [
        "event": "Begin",
        "data": ["id": .string("b\(index)"), "text": .string(String(repeating: "x", count: 900_000))],
      ]
      try #require(try client.send("POST", "/v1/events", begin).status == 201)
    }
    var (keys, cursor): (Set<String>, String?) = ([], nil)
    repeat {
      let page = try client.send(
        "GET", "/v1/instances?limit=500&include=data" + (cursor.map { "&cursor=\($0)" } ?? ""))
      #expect(page.body.count < RequestBudget.maximumBytes + 2_000_000)
      keys.formUnion(page.json["items"]?.array?.compactMap { $0["key"]?.string } ?? [])
      cursor = page.json["page"]?["next"]?.string
    } while cursor != nil
    #expect(keys.count == 16)
  }

  @Test("a page of a history ends by its bytes, and a replay has everything")
  func historiesEndByBytes() throws {
    try begin(1)
    let path = "/v1/flows/Note/instances/a0"
    for _ in 0..<16 {
      let add: JSON = ["event": "Add", "data": ["n": 1, "note": .string(String(repeating: "x", count: 900_000))]]
      try #require(try client.send("POST", path + "/events", add).status == 200)
    }
    var (count, after) = (0, 0)
    var next: Int? = 0
    while let position = next {
      after = position
      let page = try client.send("GET", path + "/history?limit=500&after=\(after)")
      #expect(page.body.count < RequestBudget.maximumBytes + 2_000_000)
      count += page.json["items"]?.array?.count ?? 0
      next = page.json["page"]?["next"]?.int
    }
    #expect(count == 17)
    let lines = try client.send("GET", path + "/history", headers: ["Accept": "application/x-ndjson"])
    #expect(lines.text.split(separator: "\n").count == 17)
  }

  @Test("a live filter that costs too much ends its socket, and other subscribers get every entry")
  func expensiveFiltersEnd() throws {
    let other = try WebSocketClient(port: server.port, path: "/v1/live")
    try other.send(["id": 1, "op": "sub", "type": "step"])
    #expect(try other.receive()["ok"]?["sub"] == 1)
    let heavy = try WebSocketClient(port: server.port, path: "/v1/live")
    try heavy.send(["id": 1, "op": "sub", "filter": .string(BudgetTests.endless)])
    #expect(try heavy.receive()["ok"]?["sub"] == 1)
    // A fast machine needs a fifth of a second for 2,000 of them, which is the budget.
    try begin(8_000)
    #expect(try heavy.receiveClose() == 4429)
    for _ in 0..<8_000 { #expect(try other.receive()["ev"]?["type"] == "flow.step.v1") }
  }

  @Test("a pool of workers refuses work beyond its limit, and does the rest")
  func poolsAreLimited() throws {
    let pool = WorkerPool(width: 1, limit: 3)
    let begun = DispatchSemaphore(value: 0)
    let gate = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
    func submit() -> Bool {
      pool.run {
        begun.signal()
        gate.wait()
        done.signal()
      }
    }
    #expect(submit() && begun.wait(timeout: .now() + 60) == .success)
    #expect((0..<5).map { _ in submit() } == [true, true, true, false, false], "one runs and three wait")
    for _ in 0..<4 { gate.signal() }
    for _ in 0..<4 { #expect(done.wait(timeout: .now() + 60) == .success) }
    #expect(done.wait(timeout: .now()) == .timedOut)
  }

  @Test("a budget is spent by rows, by bytes, and when the client has left")
  func budgetsAreSpent() {
    var rows = RequestBudget(for: nil)
    for _ in 1..<RequestBudget.maximumRows { rows.addRow() }
    #expect(!rows.isSpent)
    rows.addRow()
    #expect(rows.isSpent)
    var bytes = RequestBudget(for: nil)
    bytes.add(bytes: RequestBudget.maximumBytes - 1)
    #expect(!bytes.isSpent)
    bytes.add(bytes: 1)
    #expect(bytes.isSpent)
  }
}
