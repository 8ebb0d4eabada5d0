import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Payloads that exceed the `max` of a field.
@Suite("Payloads with bounds", .serialized) struct BoundedPayloadTests {
  private static let text = """
    event Begin { id: string max 20  news: list<string> max 2 = [] }
    event Add { text: string? max 5  labels: map<string, string> max 1 = {}  data: bytes max 4 = b"" }
    flow Member {
      key id
      data { id: string  news: list<string> max 2 = [] }
      start on Begin -> active do take id, news
      state active { on Add do news = news + ["a"]  after 1h -> over }
      final over
    }
    """

  @Test("a payload with too many elements is rejected at its pointer, and a step beyond the bound is refused")
  func rejected() throws {
    let folder = try TestFolder()
    let file = try folder.write("member.flow", BoundedPayloadTests.text)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let path = "/v1/flows/Member/instances/a/events"
    func send(_ event: String, _ data: JSON) throws -> HTTPClient.Response {
      try client.send("POST", path, ["event": .string(event), "data": data])
    }
    let large = try send("Begin", ["id": "a", "news": ["1", "2", "3"]])
    #expect(large.status == 422 && large.json["code"] == "validation-failed", "\(large.text)")
    let violation = large.json["violations"]?.array?.first
    #expect(violation?.text().contains("/news") == true && large.text.contains("at most 2 elements, not 3"))
    #expect(try send("Begin", ["id": "a", "news": ["1", "2"]]).status == 201)
    let refused = try send("Add", [:])
    #expect(refused.status == 409 || refused.status == 422, "\(refused.text)")
    #expect(refused.text.contains("`news` holds at most 2 elements, not 3"), "\(refused.text)")
  }

  @Test("the schemas have the bounds of fields") func schemas() throws {
    let folder = try TestFolder()
    let file = try folder.write("member.flow", BoundedPayloadTests.text)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    for path in ["/openapi.json", "/asyncapi.json", "/v1/flows/Member"] {
      let text = try client.send("GET", path).json.text()
      for bound in [#""maxItems":2"#, #""maxLength":5"#, #""maxProperties":1"#, #""maxLength":8"#] {
        #expect(text.contains(bound), "\(path) has no \(bound)")
      }
    }
  }
}
