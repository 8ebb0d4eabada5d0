import FlowGenerator
import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization

/// What the clients of a server that is killed again and again were told.
struct CrashLedger {
  /// Cases whose start was acknowledged.
  var cases: Set<String> = []
  /// The case that each idempotency key of work was for.
  var work: [String: String] = [:]
  /// The result of each idempotency key whose completion was acknowledged.
  var results: [String: Int] = [:]
  /// Deliveries that were acknowledged.
  var pushed: Set<Int> = []
  /// The last deployment that was acknowledged.
  var deployed = 0
  /// The deployment that has no answer.
  var deploying: Int?
  /// Operations on many instances, by the reason that each gives: true for those that were acknowledged.
  var batches: [String: Bool] = [:]
  /// Jobs that were claimed by a worker that died.
  var deaths = 0
  var findings: [String] = []
}

/// A client that makes its requests until the server is gone, and continues when there is another one.
///
/// One thread at a time uses it.
class CrashClient: @unchecked Sendable {
  // Unchecked because the fields change: only on the thread of the present round, which the next round waits for.
  let number: Int
  let ledger: LedgerBox
  private var random: SplitMix64

  init(_ number: Int, _ ledger: LedgerBox) {
    self.number = number
    self.ledger = ledger
    random = SplitMix64(seed: number + 1)
  }

  /// Makes one request and notes its answer.
  /// - Throws: When the server is gone.
  func act(_ client: HTTPClient) throws {}

  func roll(_ sides: Int) -> Int { random.next(below: sides) }

  func note(_ answer: HTTPClient.Response, of request: String) {
    ledger.update { $0.findings.append("\(request) was answered \(answer.status) \(answer.text.prefix(200))") }
  }

  /// Acts on a thread of its own until the server is gone or the round is over.
  func run(port: Int, until isOver: @escaping @Sendable () -> Bool) -> DispatchSemaphore {
    let ended = DispatchSemaphore(value: 0)
    let thread = Thread { [self] in
      let client = HTTPClient(port: port)
      while !isOver(), (try? act(client)) != nil {}
      ended.signal()
    }
    thread.stackSize = 1 << 19
    thread.start()
    return ended
  }
}

final class LedgerBox: Sendable {
  private let ledger = Mutex(CrashLedger())

  var now: CrashLedger { ledger.withLock { $0 } }

  func update(_ body: (inout CrashLedger) -> Void) { ledger.withLock { body(&$0) } }
}

/// Starts cases, each of which requests work of an outside worker, ends with its result, and is archived.
final class CaseStarter: CrashClient, @unchecked Sendable {
  private var next = 0
  /// False when no further cases are started; the last one still gets its answer.
  var startsNew = true
  private(set) var isPending = false

  override func act(_ client: HTTPClient) throws {
    guard startsNew || isPending else {
      usleep(20_000)
      return
    }
    let id = "s\(number)-\(next)"
    isPending = true
    let answer = try client.send(
      "POST", "/v1/flows/Case/instances", ["event": "Begin", "data": ["id": .string(id)]],
      headers: ["Idempotency-Key": "begin-\(id)"])
    switch answer.status {
    case 201: ledger.update { _ = $0.cases.insert(id) }
    case 503: return
    default: note(answer, of: "the start of \(id)")
    }
    isPending = false
    next += 1
    usleep(4000)
  }
}

/// Claims jobs and completes them. Sometimes it dies with its jobs, sometimes it fails, and it repeats every report
/// that got no answer.
final class CrashWorker: CrashClient, @unchecked Sendable {
  private struct Report {
    var job: String
    var key: String
    var fence: Int
    /// Nil for a failure.
    var result: Int?
  }

  private var reports: [Report] = []

  override func act(_ client: HTTPClient) throws {
    while let report = reports.last {
      if try send(report, client) { reports.removeLast() }
    }
    let claim: JSON = [
      "queue": "hands", "limit": 8, "lease": "1s", "wait": "50ms", "worker": .string("worker \(number)"),
    ]
    let answer = try client.send("POST", "/v1/jobs/claim", claim)
    guard answer.status == 200 else {
      if answer.status != 503 { note(answer, of: "a claim") }
      return
    }
    for job in answer.json["items"]?.array ?? [] { take(job) }
  }

  private func take(_ job: JSON) {
    guard let key = job["idempotencyKey"]?.string, let id = job["key"]?.string, let fence = job["fence"]?.int else {
      return ledger.update { $0.findings.append("a claim without key: \(job.text())") }
    }
    ledger.update { ledger in
      if let known = ledger.work.updateValue(id, forKey: key), known != id {
        ledger.findings.append("\(key) was the work of \(known), then of \(id)")
      }
      if ledger.results[key] != nil { ledger.findings.append("\(key) was given out after its completion") }
    }
    guard roll(6) > 0 else { return ledger.update { $0.deaths += 1 } }
    reports.append(
      Report(
        job: (job["id"] ?? .null).text(), key: key, fence: fence, result: roll(8) == 0 ? nil : roll(1_000_000)))
  }

  /// - Returns: False when the report has to be repeated.
  private func send(_ report: Report, _ client: HTTPClient) throws -> Bool {
    let fence = JSON.Member("fence", .int(Int64(report.fence)))
    let members: [JSON.Member] =
      report.result.map { [fence, .init("result", .int(Int64($0)))] } ?? [fence, .init("code", "LOST")]
    let operation = report.result == nil ? "fail" : "complete"
    let answer = try client.send("POST", "/v1/jobs/\(report.job)/\(operation)", .object(members))
    switch answer.status {
    case 200: if let result = report.result { accept(result, of: report.key) }
    // Another worker has the job, or it has ended.
    case 404, 409: break
    case 503: return false
    default: note(answer, of: "a report of job \(report.job)")
    }
    return true
  }

  private func accept(_ result: Int, of key: String) {
    ledger.update { ledger in
      if let known = ledger.results.updateValue(result, forKey: key), known != result {
        ledger.findings.append("two results of \(key) were accepted: \(known) and \(result)")
      }
    }
  }
}

/// Delivers signed webhooks, each until it is acknowledged.
final class HookSender: CrashClient, @unchecked Sendable {
  private var next = 0

  override func act(_ client: HTTPClient) throws {
    let delivery = number + 10 * next
    let body = #"{"id": "hooks", "n": \#(delivery)}"#
    let answer = try client.send(
      "POST", "/v1/hooks/Hooks/Pushed", text: body,
      headers: [
        "Content-Type": "application/json", "webhook-id": "d\(delivery)", "X-Signature": Signature.hexadecimal(body),
      ])
    switch answer.status {
    case 200, 201: ledger.update { _ = $0.pushed.insert(delivery) }
    case 503, 429: return
    default: note(answer, of: "delivery \(delivery)")
    }
    next += 1
    usleep(2000)
  }
}

/// Deploys one version of a flow after the other.
final class Deployer: CrashClient, @unchecked Sendable {
  static func source(_ version: Int) -> String {
    """
    event Open { id: string }
    flow Side {
      key id
      data { id: string  stamp: int = \(version) }
      start on Open -> open do id = event.id
      state open {}
      ongoing
    }
    """
  }

  override func act(_ client: HTTPClient) throws {
    let version = ledger.now.deployed + 1
    ledger.update { $0.deploying = version }
    let answer = try client.send(
      "PUT", "/v1/flows/Side", text: Deployer.source(version), headers: ["Content-Type": "text/x-flow"])
    switch answer.status {
    case 200, 201:
      ledger.update { ledger in
        ledger.deployed = version
        ledger.deploying = nil
      }
    case 503: return
    default: note(answer, of: "deployment \(version)")
    }
    usleep(40_000)
  }

  /// The version that a server runs is the last acknowledged one, or the one that got no answer.
  func check(_ client: HTTPClient) throws {
    let (deployed, deploying) = (ledger.now.deployed, ledger.now.deploying)
    guard deployed > 0 else { return }
    let text = try client.send("GET", "/v1/flows/Side/source").text
    let possible = [deployed, deploying ?? deployed]
    if !possible.contains(where: { text.contains("= \($0) }") }) {
      ledger.update { $0.findings.append("version \(possible) was deployed, and the server runs \(text)") }
    }
    if let deploying, text.contains("= \(deploying) }") { ledger.update { $0.deployed = deploying } }
  }
}

/// Requests operations on many instances, and follows each to its end.
final class BulkOperator: CrashClient, @unchecked Sendable {
  private var next = 0
  private var attempt = 0
  private var followed: (reason: String, path: String)?
  /// False once only the operations that have begun are to end.
  var startsNew = true

  override func act(_ client: HTTPClient) throws {
    if let followed { return try follow(followed.reason, at: followed.path, client) }
    guard startsNew else {
      usleep(10_000)
      return
    }
    attempt += 1
    let reason = "b\(next).\(attempt)"
    ledger.update { $0.batches[reason] = false }
    let body: JSON = ["op": "retry", "filter": ["flow": "Pool"], "reason": .string(reason)]
    let answer = try client.send("POST", "/v1/batches", body)
    guard answer.status == 202, let path = answer.headers["location"] else {
      if answer.status != 503 { note(answer, of: "a batch") }
      return
    }
    ledger.update { $0.batches[reason] = true }
    followed = (reason, path)
  }

  private func follow(_ reason: String, at path: String, _ client: HTTPClient) throws {
    let answer = try client.send("GET", path)
    guard answer.status != 503 else { return }
    guard answer.status == 200, answer.json["status"] != "failed" else {
      note(answer, of: "the progress of \(reason)")
      followed = nil
      return
    }
    guard answer.json["status"] == "done" else {
      usleep(10_000)
      return
    }
    if answer.json["done"]?.int != CrashMoves.pool || answer.json["refused"] != 0 {
      note(answer, of: "the end of \(reason)")
    }
    followed = nil
    next += 1
  }

  var isFollowing: Bool { followed != nil }
}
