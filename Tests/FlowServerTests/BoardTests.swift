import FlowJSON
import FlowTestSupport
import Testing

/// `samples/board.flow`: several clients change the same cards, and several subscribe to them.
@Suite("Sample board.flow", .serialized) struct BoardTests {
  private static let card = "Card/c1"

  private func board() throws -> System {
    let board = try System("board")
    let added = try board.send("Add", ["id": "c1", "board": "b1", "title": "-"], as: "ann")
    #expect(added.status == 201 && added.headers["etag"] == "\"1\"")
    return board
  }

  @Test("a card moves from `todo` to `done`, under the rules for each step") func cardLifecycle() throws {
    let board = try board()
    #expect(try board.send("Take", to: BoardTests.card, as: "ann").json["to"] == ["doing"])
    #expect(try board.send("Finish", to: BoardTests.card, as: "bob").json["code"] == "event-not-accepted")
    #expect(try board.send("Finish", to: BoardTests.card, as: "ann").json["to"] == ["review"])
    let own = try board.send("Accept", to: BoardTests.card, as: "ann").json
    #expect(own["explanation"]?.array?.first?["guard"]?["expression"] == "caller.id != owner")
    #expect(try board.send("Accept", to: BoardTests.card, as: "bob").json["status"] == "done")
    #expect(try board.list("Card", status: "done").count == 1)
  }

  @Test("a change with a stale revision is rejected") func staleRevision() throws {
    let board = try board()
    let rename: (String, String) throws -> HTTPClient.Response = { title, revision in
      try board.send("Rename", ["title": .string(title)], to: BoardTests.card, headers: ["If-Match": revision])
    }
    #expect(try rename("ann's", "\"1\"").headers["etag"] == "\"2\"")
    let late = try rename("bob's", "\"1\"")
    #expect(late.status == 412 && late.json["revision"] == 2)
    #expect(try board.view(BoardTests.card)["data"]?["title"] == "ann's")
    #expect(try rename("bob's", "\"2\"").status == 200)
    #expect(try board.view(BoardTests.card)["data"]?["title"] == "bob's")
  }

  @Test("concurrent clients with If-Match lose no change") func concurrentClients() throws {
    let board = try board()
    let port = board.port
    let refusals = try sideBySide(6) { index in try BoardTests.append("\(index)", times: 20, port) }
    let title = try board.view(BoardTests.card)["data"]?["title"]?.string ?? ""
    for index in 0..<6 { #expect(title.filter { "\($0)" == "\(index)" }.count == 20) }
    #expect(title.count == 121)
    #expect(try board.view(BoardTests.card)["revision"] == 121)
    #expect(refusals.reduce(0, +) > 0, "the clients had no conflict")
  }

  /// Reads a card and appends a letter to its title; repeats both after a conflict.
  private static func append(_ letter: String, times: Int, _ port: Int) throws -> Int {
    let client = HTTPClient(port: port)
    let path = "/v1/flows/Card/instances/c1"
    var refusals = 0
    var done = 0
    while done < times {
      let seen = try client.send("GET", path)
      let title = (seen.json["data"]?["title"]?.string ?? "") + letter
      let answer = try client.send(
        "POST", path + "/events", ["event": "Rename", "data": ["title": .string(title)]],
        headers: ["If-Match": seen.headers["etag"] ?? ""])
      if answer.status == 200 { done += 1 } else { refusals += 1 }
      guard [200, 412].contains(answer.status) else { break }
    }
    return refusals
  }

  /// While one client writes, the others read the card and follow it from that revision. All end with the server's
  /// title.
  @Test("a subscriber that reads first and follows later receives each change once") func lateSubscribers() throws {
    let board = try board()
    let port = board.port
    let titles = try sideBySide(4) { index in
      if index == 0 { return try BoardTests.write(port) }
      return index == 3 ? try BoardTests.followEvents(port) : try BoardTests.follow(port)
    }
    #expect(titles == Array(repeating: "last", count: 4))
  }

  private static func write(_ port: Int) throws -> String {
    let client = HTTPClient(port: port)
    for number in 1...300 {
      try client.send(
        "POST", "/v1/flows/Card/instances/c1/events",
        ["event": "Rename", "data": ["title": .string(number == 300 ? "last" : "\(number)")]])
    }
    return "last"
  }

  /// A client's copy of a card: the view that it read, with each later change applied.
  private struct Copy {
    var title: String
    var revision: Int

    init(_ view: JSON) {
      title = view["data"]?["title"]?.string ?? ""
      revision = view["revision"]?.int ?? 0
    }

    mutating func take(_ entry: JSON) throws {
      let number = try #require(entry["data"]?["revision"]?.int ?? entry["revision"]?.int)
      try #require(number == revision + 1, "a change is missing, or there twice")
      revision = number
      if let title = entry["data"]?["changes"]?["title"]?.string { self.title = title }
    }
  }

  private static func follow(_ port: Int) throws -> String {
    let view = try HTTPClient(port: port).send("GET", "/v1/flows/Card/instances/c1").json
    var copy = Copy(view)
    let socket = try WebSocketClient(port: port, path: "/v1/live")
    try socket.send(["id": 1, "op": "sub", "flow": "Card", "key": "c1", "since": try #require(view["asOf"])])
    #expect(try socket.receive()["ok"]?["recovered"] == true)
    while copy.title != "last" { try copy.take(try #require(try socket.receive()["ev"])) }
    return copy.title
  }

  private static func followEvents(_ port: Int) throws -> String {
    let view = try HTTPClient(port: port).send("GET", "/v1/flows/Card/instances/c1").json
    var copy = Copy(view)
    let position = try #require(view["asOf"]?.string)
    let stream = try EventStreamClient(
      port: port, path: "/v1/live?flow=Card&key=c1", headers: ["Last-Event-ID": position])
    while copy.title != "last" {
      let event = try stream.receive()
      if event.data["data"]?["to"] != nil { try copy.take(event.data) }
    }
    return copy.title
  }
}
