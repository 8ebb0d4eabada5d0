import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The entries that results leave in a history.
@Suite(.serialized) struct ResultEntryTests {
  private static let source = """
    event Begin { id: string }
    action check(order: string) -> string fails BROKEN, UNAVAILABLE {
      worker "desk"
      retry 3 only UNAVAILABLE backoff 10ms..10ms
    }
    flow Order {
      key id
      data { id: string  answer: string = "" }
      start on Begin -> checking do id = event.id
      state checking {
        call check(order: id) as looked once "check/" + "all"
        on looked.done -> done do answer = event.result
        on looked.failed -> broken
      }
      final done
      failed broken
    }
    """

  private let folder: TestFolder
  private let server: ServerProcess
  private let client: HTTPClient

  init() throws {
    folder = try TestFolder()
    let file = try folder.write("order.flow", ResultEntryTests.source)
    server = try ServerProcess([file, "--store", folder.store])
    client = HTTPClient(port: server.port)
  }

  private func begin(_ id: String) throws {
    let answer = try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": .string(id)]])
    try #require(answer.status == 201, "\(answer.text)")
  }

  /// Claims the next job, once there is one, and ends the attempt.
  private func end(_ operation: String, _ members: [JSON.Member]) throws {
    let claimed = try client.send("POST", "/v1/jobs/claim", ["queue": "desk", "wait": "10s"])
    let job = try #require(claimed.json["items"]?.array?.first, "\(claimed.text)")
    let body = JSON.object([.init("fence", job["fence"] ?? .null)] + members)
    let answer = try client.send("POST", "/v1/jobs/\(job["id"]?.int ?? 0)/\(operation)", body)
    try #require(answer.status == 200, "\(answer.text)")
  }

  private func result(of id: String) throws -> JSON? {
    let history = try client.send("GET", "/v1/flows/Order/instances/\(id)/history").json["items"]?.array ?? []
    return history.compactMap { $0["data"]?["result"] }.last
  }

  @Test("the entry of a result names its call, its action and the attempts")
  func aResultNamesItsCall() throws {
    try begin("a")
    try end("fail", [.init("code", "UNAVAILABLE")])
    try end("fail", [.init("code", "UNAVAILABLE")])
    try end("complete", [.init("result", "fine")])
    let result = try #require(try result(of: "a"))
    #expect(result["call"] == "looked")
    #expect(result["action"] == "check")
    #expect(result["attempts"] == 3)
    #expect(result["done"] == "fine")
    // The data has the last result of each call under a name that no field can have.
    let view = try client.send("GET", "/v1/flows/Order/instances/a").json
    #expect(view["data"]?["$results"]?["looked"]?["result"] == "fine")
    // Another instance gets the recorded result of the same key: nothing was performed for it.
    try begin("b")
    let known = try #require(try self.result(of: "b"))
    #expect(known["call"] == "looked")
    #expect(known["attempts"] == 0)
    #expect(known["done"] == "fine")
  }

  @Test("the entry of a failure names its call, its action and the attempts")
  func aFailureNamesItsCall() throws {
    try begin("a")
    try end("fail", [.init("code", "UNAVAILABLE")])
    try end("fail", [.init("code", "BROKEN"), .init("message", "torn")])
    let result = try #require(try result(of: "a"))
    #expect(result["call"] == "looked")
    #expect(result["action"] == "check")
    #expect(result["attempts"] == 2)
    #expect(result["failed"]?["code"] == "BROKEN")
  }
}
