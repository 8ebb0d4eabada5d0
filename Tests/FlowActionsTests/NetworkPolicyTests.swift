import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Synchronization
import Testing

@testable import FlowActions
@testable import FlowMachine

/// The number of requests that had ended when each request started.
private final class RequestCounter: Sendable {
  private let state = Mutex((ended: 0, endedBefore: [Int]()))

  var endedBefore: [Int] { state.withLock { $0.endedBefore } }

  func begin() { state.withLock { $0.endedBefore.append($0.ended) } }

  func end() { state.withLock { $0.ended += 1 } }
}

/// The network policy, host limits, request signatures and secrets.
@Suite("Network policy, host limits, signatures and secrets") struct NetworkPolicyTests {
  @Test(
    "IPv4 addresses are public or private, also when embedded in IPv6",
    arguments: [
      ([8, 8, 8, 8], true), ([127, 0, 0, 1], false), ([127, 255, 1, 1], false), ([10, 1, 2, 3], false),
      ([11, 0, 0, 1], true), ([172, 15, 0, 1], true), ([172, 16, 0, 1], false), ([172, 31, 255, 255], false),
      ([172, 32, 0, 1], true), ([192, 168, 1, 1], false), ([169, 254, 169, 254], false), ([100, 64, 0, 1], false),
      ([100, 128, 0, 1], true), ([0, 0, 0, 0], false), ([224, 0, 0, 1], false), ([255, 255, 255, 255], false),
      ([198, 19, 0, 1], false), ([], false),
    ] as [([UInt8], Bool)])
  func ipv4(_ bytes: [UInt8], _ isPublic: Bool) {
    #expect(NetworkAddress(bytes).isPublic == isPublic)
    guard bytes.count == 4 else { return }
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes
    #expect(NetworkAddress(mapped).isPublic == isPublic, "as IPv4-mapped")
    let translated = [0x00, 0x64, 0xFF, 0x9B] + [UInt8](repeating: 0, count: 8) + bytes
    #expect(NetworkAddress(translated).isPublic == isPublic, "through NAT64")
    #expect(NetworkAddress([0x20, 0x02] + bytes + [UInt8](repeating: 1, count: 10)).isPublic == isPublic, "by 6to4")
  }

  @Test(
    "IPv6 addresses are public or private",
    arguments: [
      ([0x2A, 0x00], true), ([0x26, 0x06], true), ([0xFC], false), ([0xFD, 0x12], false), ([0xFE, 0x80], false),
      ([0xFF, 0x02], false), ([0x20, 0x01, 0x0D, 0xB8], false), ([0x20, 0x01], false), ([0x20, 0x01, 0x48], true),
      ([0, 0], false),
    ] as [([UInt8], Bool)])
  func ipv6(_ start: [UInt8], _ isPublic: Bool) {
    let bytes = start + [UInt8](repeating: 0, count: 15 - start.count) + [1]
    #expect(NetworkAddress(bytes).isPublic == isPublic)
  }

  @Test(
    "the local machine is rejected in every notation of its address",
    arguments: ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]"])
  func localAddresses(_ host: String) async {
    let server = LocalServer { _ in LocalServer.answer("200 OK", "1") }
    let url = "http://\(host):\(server.port)/"
    let closed = BindingRunner(log: { _ in })
    guard case .impossible("PRIVATE_ADDRESS", _) = await outcome(of: .get(url), by: closed) else {
      return #expect(Bool(false), "it was not refused")
    }
    #expect(server.requests.isEmpty)
    let open = BindingRunner(settings: ActionSettings(reach: NetworkPolicy(allowsPrivate: true)), log: { _ in })
    guard case .done(1) = await outcome(of: .get(url), by: open) else { return #expect(Bool(false)) }
  }

  @Test("--allow-host allows a name, not its address") func allowedHost() async {
    let server = LocalServer { _ in LocalServer.answer("200 OK", "1") }
    let runner = BindingRunner(settings: ActionSettings(reach: NetworkPolicy(hosts: ["LocalHost"])), log: { _ in })
    guard case .done(1) = await outcome(of: .get("http://localhost:\(server.port)/"), by: runner) else {
      return #expect(Bool(false))
    }
    guard case .impossible = await outcome(of: .get(server.url), by: runner) else { return #expect(Bool(false)) }
  }

  // MARK: - Host limits

  @Test("requests to a host beyond its limit wait") func hostConcurrency() {
    var gate = HostGate(HostLimits(concurrent: 2))
    #expect(gate.ask("a", at: 0) == .begin && gate.ask("a", at: 0) == .begin)
    #expect(gate.ask("a", at: 0) == .wait && gate.ask("b", at: 0) == .begin)
    gate.end("a", isFailure: false, at: 0)
    #expect(gate.ask("a", at: 0) == .begin && gate.ask("a", at: 0) == .wait)
  }

  @Test("a failing host is paused with increasing delays and probed") func circuitBreaker() {
    var gate = HostGate(HostLimits(failures: 3, pauseMilliseconds: 100, longestPauseMilliseconds: 300))
    func fail(at now: Int64) {
      #expect(gate.ask("a", at: now) == .begin)
      gate.end("a", isFailure: true, at: now)
    }
    fail(at: 0)
    fail(at: 0)
    #expect(gate.ask("a", at: 0) == .begin)
    gate.end("a", isFailure: false, at: 0)
    for _ in 0..<3 { fail(at: 0) }
    #expect(gate.ask("a", at: 1) == .postpone(99) && gate.ask("b", at: 1) == .begin)
    fail(at: 100)
    #expect(gate.ask("a", at: 299) == .postpone(1), "twice as long")
    fail(at: 300)
    #expect(gate.ask("a", at: 301) == .postpone(299), "at most the longest pause")
    #expect(gate.ask("a", at: 600) == .begin && gate.ask("a", at: 600) == .postpone(100), "one probe")
    gate.end("a", isFailure: nil, at: 600)
    #expect(gate.ask("a", at: 600) == .begin, "a probe without a result is followed by another")
    gate.end("a", isFailure: false, at: 600)
    #expect(gate.ask("a", at: 600) == .begin && gate.ask("a", at: 600) == .begin, "closed again")
  }

  @Test("with a limit of one, requests to a host do not overlap") func sequentialRequests() async {
    let counter = RequestCounter()
    let server = LocalServer { _ in
      counter.begin()
      return nil
    }
    let runner = HTTPRunnerTests.open(HostLimits(concurrent: 1))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          // The count is increased before the next request can start: both happen on the runner's thread.
          let request = JobRequest(
            action: .get(server.url), timeoutMilliseconds: 200, idempotencyKey: "k", attempt: 1)
          await withCheckedContinuation { continuation in
            runner.run(request) { _ in
              counter.end()
              continuation.resume()
            }
          }
        }
      }
    }
    #expect(counter.endedBefore == [0, 1, 2, 3])
  }

  @Test("requests to a paused host are postponed") func pausedHost() async {
    let server = LocalServer { _ in LocalServer.answer("503 Service Unavailable") }
    let runner = HTTPRunnerTests.open(HostLimits(failures: 3, pauseMilliseconds: 60_000))
    for _ in 0..<3 {
      guard case .status(503, _, _) = await outcome(of: .get(server.url), by: runner) else {
        return #expect(Bool(false))
      }
    }
    guard case .postponed(let wait) = await outcome(of: .get(server.url), by: runner) else {
      return #expect(Bool(false))
    }
    #expect(wait > 0 && wait <= 61_000)
    #expect(server.requests.count == 3)
  }

  @Test("requests beyond the waiting limit of a host are postponed") func fullHostQueue() async {
    let server = LocalServer { _ in nil }
    let runner = HTTPRunnerTests.open(HostLimits(concurrent: 1, waiting: 2))
    let results = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<6 {
        group.addTask {
          if case .postponed = await outcome(of: .get(server.url), by: runner, timeout: 2000) { true } else { false }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.filter { $0 }.count >= 1 && results.filter { !$0 }.count >= 3)
  }

  // MARK: - Signatures and secrets

  /// The example of the specification.
  @Test("a signature equals the example of Standard Webhooks") func signatureExample() {
    let signature = WebhookSignature.sign(
      identifier: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: Array(#"{"test": 2432232314}"#.utf8),
      secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test("a signed request can be verified, and retries have the same id") func signedRequest() async throws {
    let server = LocalServer { _ in LocalServer.answer("200 OK") }
    let action = BoundAction.http(method: "POST", url: server.url, headers: [], body: ["a": 1])
    for _ in 0..<2 { _ = await outcome(of: action, by: HTTPRunnerTests.runner, key: "job", signing: "plain secret") }
    let requests = server.requests
    let headers = requests[0].headers
    let identifier = try #require(headers["webhook-id"])
    #expect(identifier == requests[1].headers["webhook-id"] && !identifier.contains("."))
    let expected = WebhookSignature.sign(
      identifier: identifier, timestamp: try #require(headers["webhook-timestamp"].flatMap { Int64($0) }),
      body: Array(requests[0].body.utf8), secret: "plain secret")
    #expect(headers["webhook-signature"] == expected)
    let forged = BoundAction.http(
      method: "POST", url: server.url, headers: [.init(name: "Webhook-Id", value: "x")], body: nil)
    guard case .impossible = await outcome(of: forged, by: HTTPRunnerTests.runner, signing: "s") else {
      return #expect(Bool(false))
    }
  }

  @Test("secrets are hidden in failure messages and log lines") func secrets() async {
    let secrets = [Secret(name: "TOKEN", value: "s3cret-token"), Secret(name: "ZONE", value: "eu")]
    let server = LocalServer { request in
      LocalServer.answer(
        "401 Unauthorized",
        String(repeating: "x", count: 990) + "bad: \(request.headers["authorization"] ?? "") in eu")
    }
    let result = await outcome(
      of: .get(server.url, headers: [("Authorization", "Bearer s3cret-token")]), by: HTTPRunnerTests.runner,
      secrets: secrets)
    guard case .status(401, let message, _) = result else { return #expect(Bool(false), "\(result)") }
    #expect(!message.contains("s3c"))
    #expect(secrets.hide(in: "a s3cret-token, eu s3cret-token") == #"a env("TOKEN"), eu env("TOKEN")"#)
    let lines = Mutex<[String]>([])
    let logger = BindingRunner(log: { line in lines.withLock { $0.append(line) } })
    _ = await outcome(of: .log("token s3cret-token"), by: logger, secrets: secrets)
    #expect(lines.withLock { $0 } == [#"token env("TOKEN")"#])
  }

  private static let password = #"p"ss w/rd+1"#

  @Test(
    "a secret is hidden in each encoding in which a binding sends it",
    arguments: [
      password, #"p\"ss w/rd+1"#, "p%22ss%20w%2Frd%2B1", "p%22ss%20w%2frd%2b1", "p%22ss+w%2Frd%2B1",
    ] + ["", "u", "us", "user:"].map { Data(($0 + password).utf8).base64EncodedString() })
  func encodedSecrets(_ form: String) {
    let secrets = [Secret(name: "PASSWORD", value: NetworkPolicyTests.password)]
    let shown = secrets.hide(in: "got \(form), sorry")
    #expect(shown.contains(#"env("PASSWORD")"#), "\(shown)")
    #expect(shown.hasPrefix("got ") && shown.hasSuffix(", sorry"))
    #expect(secrets.hide(in: "pass word") == "pass word")
  }
}
