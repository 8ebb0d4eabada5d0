import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// An acknowledged operation on many instances continues after a crash.
@Suite(.serialized) struct BulkRestartTests {
  static let instances = 3000

  @Test("a batch that was interrupted by a crash acts on each instance once") func itActsOnEachOnce() throws {
    let folder = try TestFolder()
    let file = try folder.write("counter.flow", Counter.source)
    try AgedStore.make(at: folder.store, source: Counter.source) { store in
      try store.begin((0..<BulkRestartTests.instances).map { "c\($0)" })
    }
    var server = try ServerProcess([file, "--store", folder.store])
    var client = HTTPClient(port: server.port)
    let body: JSON = ["op": "suspend", "filter": ["flow": "Counter"], "reason": "holiday"]
    let location = try #require(try client.send("POST", "/v1/batches", body).headers["location"])
    var interruptions = 0
    for share in [1, 2] {
      let wanted = BulkRestartTests.instances * share / 4
      let isUnderWay = try eventually { try client.send("GET", location).json["done"]?.int ?? 0 >= wanted }
      #expect(isUnderWay)
      if try client.send("GET", location).json["status"] == "running" { interruptions += 1 }
      server.kill()
      server = try ServerProcess([file, "--store", folder.store])
      client = HTTPClient(port: server.port)
    }
    #expect(interruptions > 0, "it was over before it could be interrupted")
    let isDone = try eventually(within: 60) { try client.send("GET", location).json["status"] == "done" }
    #expect(isDone)
    let progress = try client.send("GET", location).json
    #expect(progress["done"]?.int == BulkRestartTests.instances && progress["refused"] == 0, "\(progress.text())")
    _ = server.stop()
    let each = try folder.sqlite(
      "SELECT count(*) || '/' || count(DISTINCT instance) FROM journal WHERE kind = 'operator'")
    #expect(each == "\(BulkRestartTests.instances)/\(BulkRestartTests.instances)")
    server = try ServerProcess([file, "--store", folder.store])
    client = HTTPClient(port: server.port)
    #expect(try client.send("GET", location).json["done"] == progress["done"], "the result is kept")
  }
}
