import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Hovers and completions for the dashboard.
@Suite("Hovers and completions over HTTP", .serialized) struct HintTests {
  private static let source = """
    role auditor
    /// A ticket is opened.
    event Open { id: string }
    flow Ticket {
      key id
      data { id: string  priority: int = 0 }
      start on Open -> waiting do id = event.id
      state waiting { on Open -> closed }
      final closed
    }
    """

  private func server(_ folder: TestFolder) throws -> ServerProcess {
    try ServerProcess([try folder.write("ticket.flow", HintTests.source), "--store", folder.store])
  }

  @Test("a place in the source has the description that editors show, with its range") func hovers() throws {
    let folder = try TestFolder()
    let server = try server(folder)
    let client = HTTPClient(port: server.port)
    let hover = try client.send("GET", "/v1/flows/Ticket/hover?line=3&column=8").json["hover"]
    #expect(hover?["markdown"]?.string?.contains("A ticket is opened.") == true)
    #expect(hover?["from"] == ["line": 3, "column": 7])
    #expect(hover?["to"] == ["line": 3, "column": 11])
    #expect(try client.send("GET", "/v1/flows/Ticket/hover?line=999&column=1").json == ["hover": .null])
    #expect(try client.send("GET", "/v1/flows/Ticket/hover?line=3&column=8&file=none").json == ["hover": .null])
    for query in ["line=0", "line=x", "column=-1", "line=99999999999999999999"] {
      #expect(try client.send("GET", "/v1/flows/Ticket/hover?\(query)").status == 400)
    }
    #expect(try client.send("GET", "/v1/flows/None/hover?line=1&column=1").status == 404)
  }

  @Test("a condition is completed with the data of the flow") func completions() throws {
    let folder = try TestFolder()
    let server = try server(folder)
    let client = HTTPClient(port: server.port)
    let answer = try client.send("GET", "/v1/flows/Ticket/completions?q=status%20%3D%3D%20'done'%20%26%26%20data.p")
      .json
    #expect(answer["from"] == 20)
    #expect(answer["items"] == [["label": "data.priority", "kind": "field", "detail": "int"]])
    let all = try client.send("GET", "/v1/flows/Ticket/completions").json["items"]?.array ?? []
    #expect(all.contains { $0["label"] == "startedAt" })
    let long = String(repeating: "a", count: 4097)
    #expect(try client.send("GET", "/v1/flows/Ticket/completions?q=\(long)").status == 400)
  }
}
