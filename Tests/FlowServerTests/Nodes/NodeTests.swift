import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Several nodes over one database: one owner at a time, and no acknowledged event lost or applied twice.
@Suite("Nodes on PostgreSQL", .serialized, .timeLimit(.minutes(5)), .enabled(if: PostgresServer.isWanted))
struct NodeTests {
  private static let failovers =
    ProcessInfo.processInfo.environment["FLOW_FAILOVERS"].flatMap { Int($0) } ?? 2

  private static let isLong = ProcessInfo.processInfo.environment["FLOW_LONG_TESTS"] != nil

  @Test("one node owns the store; a standby is ready, names the owner, and answers by forwarding")
  func roles() throws {
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwner()
    let standby = HTTPClient(port: cluster.ports[1 - owner])
    let url = "http://127.0.0.1:\(cluster.ports[owner])"
    try cluster.waitForStandby(1 - owner)
    #expect(try standby.send("GET", "/livez").status == 200)
    let readiness = try standby.send("GET", "/readyz")
    #expect(readiness.status == 200 && readiness.text == "standby of \(url)\n")
    let response = try standby.send("GET", "/v1/instances?limit=500")
    #expect(response.status == 200 && response.json["items"]?.array?.count == NodeCluster.instances)
    var metrics = ""
    for _ in 0..<100 {
      metrics = try standby.send("GET", "/metrics").text
      // The request is counted after its response.
      if metrics.contains(#"flow_forwarded_requests_total{result="answered"} 1"#) { break }
      usleep(10_000)
    }
    #expect(metrics.contains(#"flow_node_role{role="standby"} 1"#))
    #expect(metrics.contains(#"flow_forwarded_requests_total{result="answered"} 1"#))
    #expect(try HTTPClient(port: cluster.ports[owner]).send("GET", "/metrics").text.contains(#"{role="owner"} 1"#))
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
    try cluster.expectExactlyOnce(load, owner: owner, atLeast: 50)
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
    try cluster.waitForStandby(former)
    #expect(cluster.nodes[former]?.log.contains("this node starts again as a standby") == true)
    usleep(500_000)
    load.stop()
    try cluster.expectExactlyOnce(load, owner: owner, atLeast: 50)
  }

  @Test("an owner that is asked to end hands over at once, and every request has a response")
  func handover() throws {
    let cluster = try NodeCluster(count: 2)
    let load = NodeLoad(cluster.ports)
    var former = try cluster.waitForOwner()
    var times: [Duration] = []
    for _ in 0..<NodeTests.failovers {
      try cluster.waitForStandby(1 - former)
      usleep(500_000)
      let start = ContinuousClock.now
      cluster.nodes[former]?.send(SIGTERM)
      let owner = try cluster.waitForOwner(otherThan: former)
      times.append(ContinuousClock.now - start)
      #expect(cluster.nodes[former]?.wait() == 0)
      try cluster.start(former)
      former = owner
    }
    usleep(300_000)
    load.stop()
    try cluster.expectExactlyOnce(load, owner: former, atLeast: 50)
    times.sort()
    #expect(times[times.count - 1] < .seconds(2), "without waiting for the end of the lease")
    print(
      "\(times.count) handovers after SIGTERM: p50 \(times[times.count / 2]), worst \(times[times.count - 1]), "
        + "longest time without an acknowledgement \(load.longestGap)")
  }

  @Test("clients of another node notice a handover only as latency: no request is refused")
  func handoverBehindForwarder() throws {
    let cluster = try NodeCluster(count: 3)
    var owner = try cluster.waitForOwner()
    // When the entry is chosen as the successor, its requests are answered by itself, and the test ends.
    let entry = (owner + 1) % 3
    for index in 0..<3 where index != owner { try cluster.waitForStandby(index) }
    let load = NodeLoad([cluster.ports[entry]])
    var times: [Duration] = []
    for _ in 0..<NodeTests.failovers {
      usleep(500_000)
      let start = ContinuousClock.now
      cluster.nodes[owner]?.send(SIGTERM)
      let next = try cluster.waitForOwner(otherThan: owner)
      times.append(ContinuousClock.now - start)
      #expect(cluster.nodes[owner]?.wait() == 0)
      try cluster.start(owner)
      try cluster.waitForStandby(owner)
      owner = next
      if owner == entry { break }
    }
    usleep(300_000)
    load.stop()
    try cluster.expectExactlyOnce(load, owner: owner, atLeast: 50)
    #expect(load.refusals == 0)
    print("handovers behind a forwarder: \(times), longest time without an acknowledgement \(load.longestGap)")
  }

  @Test("latency through the owner and through another node", .enabled(if: NodeTests.isLong))
  func latency() throws {
    let cluster = try NodeCluster(count: 2)
    let owner = try cluster.waitForOwnerAndStandby()
    for width in [1, 8] {
      for (name, port) in [("owner", cluster.ports[owner]), ("standby", cluster.ports[1 - owner])] {
        let load = NodeLoad([port], width: width)
        usleep(8_000_000)
        load.stop()
        let times = load.latencies
        #expect(load.refusals == 0)
        print(
          "\(width) clients through the \(name): \(times.count / 8) events in a second, p50 "
            + "\(times[times.count / 2]), p99 \(times[times.count * 99 / 100])")
      }
    }
  }
}
