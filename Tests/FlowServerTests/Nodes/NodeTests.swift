import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Several nodes over one database: one owner at a time, and no acknowledged event lost or applied twice.
@Suite("Nodes on PostgreSQL", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isWanted))
struct NodeTests {
  private static let failovers =
    ProcessInfo.processInfo.environment["FLOW_FAILOVERS"].flatMap { Int($0) } ?? 2

  /// Compares the data and the journal with the acknowledgements of the clients.
  private func expectExactlyOnce(_ load: NodeLoad, _ cluster: NodeCluster, owner: Int, atLeast count: Int) throws {
    #expect(load.unexpected == [])
    let processed = try cluster.processedEvents(at: owner)
    let all = processed.flatMap { $0 }
    let acknowledged = load.acknowledged
    #expect(acknowledged.count >= count, "the load was too small to prove anything")
    #expect(Set(acknowledged).subtracting(all) == [], "acknowledged and lost")
    #expect(all.count == Set(all).count, "applied twice")
    #expect(Set(acknowledged).count == acknowledged.count)
    for (index, events) in processed.enumerated() {
      #expect(events.allSatisfy { $0 % NodeCluster.instances == index }, "an event reached another instance")
      #expect(try cluster.journaledEvents(of: index, at: owner) == events, "journal and data agree")
    }
  }

  @Test("one node owns the store; a standby is alive, not ready, and names the owner")
  func roles() throws {
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwner()
    let standby = HTTPClient(port: cluster.ports[1 - owner])
    let url = "http://127.0.0.1:\(cluster.ports[owner])"
    for _ in 0..<200 where cluster.readiness(1 - owner)?.headers["flow-owner"] == nil { usleep(20_000) }
    #expect(try standby.send("GET", "/livez").status == 200)
    let readiness = try standby.send("GET", "/readyz")
    #expect(readiness.status == 503 && readiness.text == "standby of \(url)\n")
    let response = try standby.send("GET", "/v1/flows")
    #expect(response.status == 503 && response.headers["flow-owner"] == url)
    #expect(response.json["code"] == "standby" && response.json["owner"] == .string(url))
  }

  @Test("an owner killed under load is replaced: no acknowledged event is lost, none is applied twice")
  func killedOwner() throws {
    let cluster = try NodeCluster(count: 2)
    let load = NodeLoad(cluster.ports)
    var times: [Duration] = []
    var owner = try cluster.waitForOwner()
    for _ in 0..<NodeTests.failovers {
      usleep(1_500_000)
      cluster.nodes[owner]?.kill()
      let start = ContinuousClock.now
      let next = try cluster.waitForOwner(otherThan: owner)
      times.append(ContinuousClock.now - start)
      try cluster.start(owner)
      owner = next
    }
    usleep(500_000)
    load.stop()
    try expectExactlyOnce(load, cluster, owner: owner, atLeast: 50)
    times.sort()
    print(
      "\(times.count) failovers after kill -9: p50 \(times[times.count / 2]), worst \(times[times.count - 1]), "
        + "longest time without an acknowledgement \(load.longestGap), \(load.acknowledged.count) acknowledged")
  }

  @Test("an owner that was stopped for longer than its lease neither commits nor answers, and becomes a standby")
  func stoppedOwner() throws {
    let cluster = try NodeCluster(count: 2)
    let load = NodeLoad(cluster.ports)
    let former = try cluster.waitForOwner()
    usleep(1_000_000)
    cluster.nodes[former]?.send(SIGSTOP)
    let owner = try cluster.waitForOwner(otherThan: former)
    usleep(500_000)
    cluster.nodes[former]?.send(SIGCONT)
    for _ in 0..<500 where cluster.readiness(former)?.status != 503 { usleep(20_000) }
    #expect(cluster.readiness(former)?.text.hasPrefix("standby") == true)
    #expect(cluster.nodes[former]?.log.contains("this node starts again as a standby") == true)
    usleep(500_000)
    load.stop()
    try expectExactlyOnce(load, cluster, owner: owner, atLeast: 50)
  }

  @Test("an owner that is asked to end hands over at once, and every request has a response")
  func handover() throws {
    let cluster = try NodeCluster(count: 2)
    let load = NodeLoad(cluster.ports)
    let former = try cluster.waitForOwner()
    usleep(1_000_000)
    let start = ContinuousClock.now
    cluster.nodes[former]?.send(SIGTERM)
    let owner = try cluster.waitForOwner(otherThan: former)
    let time = ContinuousClock.now - start
    #expect(cluster.nodes[former]?.wait() == 0)
    usleep(500_000)
    load.stop()
    try expectExactlyOnce(load, cluster, owner: owner, atLeast: 50)
    #expect(time < .seconds(4), "without waiting for the end of the lease")
    print("handover after SIGTERM: \(time), longest time without an acknowledgement \(load.longestGap)")
  }
}
