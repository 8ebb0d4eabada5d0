import FlowJSON
import FlowTestSupport
import Testing

/// The parts of views that are about waiting work: priorities, the progress of calls over lists, and conditions over
/// the fields of states.
@Suite("Views of work") struct ViewOfWorkTests {
  private static let source = """
    event Ask { id: string  people: list<string> }
    action ask(who: string) -> bool { worker "people"  limit 2 at once }
    flow Question {
      key id
      data { id: string  people: list<string> }
      start on Ask -> asking(subject: "roof") do take id, people
      state asking(subject: string) {
        call ask(who: p) as each for p in people limit 2 priority p == "ann" ? 3 : 0
        on each.done, each.failed -> asked
      }
      final asked
    }
    """

  private func served() throws -> (ServerProcess, HTTPClient, TestFolder) {
    let folder = try TestFolder()
    let file = try folder.write("question.flow", ViewOfWorkTests.source)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let data: JSON = ["id": "q", "people": ["bob", "ann", "cleo"]]
    #expect(try client.send("POST", "/v1/events", ["event": "Ask", "data": data]).status == 201)
    return (server, client, folder)
  }

  @Test("jobs have their priority, and a call over a list its progress") func work() throws {
    let (server, client, folder) = try served()
    let jobs = try client.send("GET", "/v1/jobs").json["items"]?.array
    #expect(jobs?.compactMap { $0["priority"]?.int } == [3], "absent for 0")
    var items = try client.send("GET", "/v1/flows/Question/instances/q").json["calls"]?.array?.first?["items"]
    #expect(items == ["count": 3, "started": 2, "finished": 0])
    let claim: JSON = ["queue": "people", "limit": 1]
    let job = try #require(try client.send("POST", "/v1/jobs/claim", claim).json["items"]?.array?.first)
    #expect(job["arguments"]?["who"] == "ann" && job["priority"] == 3)
    let id = try #require(job["id"]?.int)
    let done: JSON = ["fence": job["fence"] ?? .null, "result": true]
    #expect(try client.send("POST", "/v1/jobs/\(id)/complete", done).status == 200)
    items = try client.send("GET", "/v1/flows/Question/instances/q").json["calls"]?.array?.first?["items"]
    #expect(items == ["count": 3, "started": 3, "finished": 1])
    #expect(server.stop() == 0)
    withExtendedLifetime(folder) {}
  }

  @Test(
    "a condition over a field or a state that does not exist is an error",
    arguments: [
      ("stateData.asking.subject == 'roof'", nil), ("stateData['asking'].subject == 'roof'", nil),
      ("stateData.asking.topic == 'roof'", "the state `asking` has no field `topic`"),
      ("stateData['asking'].topic == 'roof'", "the state `asking` has no field `topic`"),
      ("stateData.asknig.subject == 'roof'", "there is no state `asknig` with fields; did you mean `asking`?"),
      ("stateData.asked.subject == 'roof'", "the state `asked` has no fields"),
      ("has(stateData.asking.topic)", "the state `asking` has no field `topic`"),
    ] as [(String, String?)]) func condition(_ query: String, _ message: String?) throws
  {
    let (server, client, folder) = try served()
    let escaped = query.replacing(" ", with: "%20").replacing("'", with: "%27").replacing("[", with: "%5B")
      .replacing("]", with: "%5D")
    let answer = try client.send("GET", "/v1/flows/Question/instances?q=\(escaped)")
    if let message {
      #expect(answer.status == 400 && answer.json["detail"]?.string?.contains(message) == true, "\(answer.text)")
    } else {
      #expect(answer.json["items"]?.array?.count == 1, "\(answer.text)")
    }
    #expect(server.stop() == 0)
    withExtendedLifetime(folder) {}
  }
}
