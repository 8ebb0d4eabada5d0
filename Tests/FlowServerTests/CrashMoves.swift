import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// A server with a short retention that is killed while outside workers die, webhooks arrive, versions are deployed,
/// operations on many instances run and ended instances are archived.
final class CrashMoves {
  static let pool = 100
  private static let text = """
    event Begin { id: string }
    event Fill { id: string }
    event Pushed from webhook { secret env("HOOK_SECRET") header "X-Signature" hmac sha256 } { id: string  n: int }

    action work(id: string) -> int fails LOST { worker "hands"  timeout 30s  retry 30 backoff 20ms..100ms }

    flow Case {
      key id
      data { id: string  result: int = -1 }
      start on Begin -> working do id = event.id
      state working {
        call work(id: id) as job
        on job.done -> ended do result = event.result
        on job.failed -> lost
      }
      final ended
      failed lost
    }
    flow Hooks {
      key id
      data { id: string  seen: list<int> = [] }
      start on Pushed -> open do { id = event.id  seen = [event.n] }
      state open { on Pushed do seen = seen + [event.n] }
      ongoing
    }
    flow Pool {
      key id
      data { id: string }
      start on Fill -> open do id = event.id
      state open {}
      ongoing
    }
    """

  private let folder: TestFolder
  private let file: String
  private let ledger = LedgerBox()
  private let starters: [CaseStarter]
  private let workers: [CrashWorker]
  private let others: [CrashClient]
  private let deployer: Deployer
  private let bulk: BulkOperator
  private var server: ServerProcess

  init() throws {
    folder = try TestFolder()
    file = try folder.write("moves.flow", CrashMoves.text)
    starters = [0, 1, 2].map { [ledger] in CaseStarter($0, ledger) }
    workers = (0..<6).map { [ledger] in CrashWorker($0, ledger) }
    deployer = Deployer(0, ledger)
    bulk = BulkOperator(0, ledger)
    others = [deployer, bulk, HookSender(0, ledger), HookSender(1, ledger)]
    server = try CrashMoves.start(file, folder)
    let client = HTTPClient(port: server.port)
    for index in 0..<CrashMoves.pool {
      let body: JSON = ["event": "Fill", "data": ["id": .string("p\(index)")]]
      try #require(try client.send("POST", "/v1/flows/Pool/instances", body).status == 201)
    }
  }

  private static func start(_ file: String, _ folder: TestFolder) throws -> ServerProcess {
    try ServerProcess([file, "--store", folder.store, "--keep", "2s"], environment: ["HOOK_SECRET": System.secret])
  }

  /// Loads the server, kills it in the middle, and starts it again, as often as requested.
  func storm(kills: Int) throws {
    for round in 0..<kills {
      let port = server.port
      let running = (starters + workers + others).map { $0.run(port: port, until: { false }) }
      usleep(UInt32(250 + round % 17 * 25) * 1000)
      server.kill()
      for ended in running { ended.wait() }
      server = try CrashMoves.start(file, folder)
      try deployer.check(HTTPClient(port: server.port))
    }
  }

  /// Lets everything that was begun come to its end, in a server that is not killed.
  func settle() throws {
    for starter in starters { starter.startsNew = false }
    bulk.startsNew = false
    let deadline = Date.now + 120
    let client = HTTPClient(port: server.port)
    let isOver = Flag(false)
    let port = server.port
    let running = (starters + workers + [bulk]).map { $0.run(port: port, until: { isOver.isTrue }) }
    defer { for ended in running { ended.wait() } }
    while Date.now < deadline {
      let cases = try client.send("GET", "/v1/flows/Case/instances?limit=1").json["items"]?.array ?? []
      if cases.isEmpty, !starters.contains(where: \.isPending), !bulk.isFollowing { break }
      usleep(200_000)
    }
    isOver.set()
  }

  /// Compares what the server and its archive have with what the clients were told.
  func verify() throws -> String {
    let client = HTTPClient(port: server.port)
    let told = ledger.now
    #expect(told.findings == [])
    let hooks = try client.send("GET", "/v1/flows/Hooks/instances/hooks").json["data"]?["seen"]?.array ?? []
    let seen = hooks.compactMap(\.int)
    #expect(told.pushed.subtracting(seen) == [], "deliveries that were acknowledged and lost")
    #expect(Set(seen).count == seen.count, "deliveries that were applied twice")
    try verifyBatches(told, client)
    #expect(server.stop() == 0)
    let check = try FlowProcess.run("store", "check", folder.store)
    #expect(check.output.contains("is sound"), "\(check.output)")
    let archived = try verifyArchive(told)
    return """
      \(told.cases.count) cases, \(told.results.count) results of workers, \(told.deaths) jobs of dead workers, \
      \(told.pushed.count) deliveries, \(told.deployed) deployments, \
      \(told.batches.values.count { $0 }) batches, \(archived) archived
      """
  }

  /// An acknowledged operation has acted once on each instance, any other at most once.
  private func verifyBatches(_ told: CrashLedger, _ client: HTTPClient) throws {
    for index in [0, 1, 50, CrashMoves.pool - 1] {
      let lines = try client.send(
        "GET", "/v1/flows/Pool/instances/p\(index)/history", headers: ["Accept": "application/x-ndjson"])
      var counts: [String: Int] = [:]
      for line in lines.text.split(separator: "\n") {
        let entry = try JSON(parsing: String(line))
        if let reason = entry["data"]?["reason"]?.string { counts[reason, default: 0] += 1 }
      }
      for (reason, isAcknowledged) in told.batches {
        let count = counts[reason] ?? 0
        #expect(isAcknowledged ? count == 1 : count <= 1, "\(reason) acted \(count) times on p\(index)")
      }
    }
  }

  /// Each case is archived, with one start and one result, which is the one that a worker was told to be accepted.
  private func verifyArchive(_ told: CrashLedger) throws -> Int {
    let text = try String(contentsOfFile: folder.store + ".archive.jsonl", encoding: .utf8)
    var documents: [String: JSON] = [:]
    for line in text.split(separator: "\n") {
      let document = try JSON(parsing: String(line))
      guard document["flow"] == "Case", let key = document["key"]?.string else { continue }
      // A crash between the archive and the store leaves the same line twice.
      if let old = documents.updateValue(document, forKey: key) {
        #expect(old["journal"] == document["journal"], "\(key) is archived in two versions")
      }
    }
    #expect(told.cases.subtracting(documents.keys) == [], "cases that were acknowledged and lost")
    let listed = try FlowProcess.run("store", "archive", "list", folder.store + ".archive.jsonl")
    #expect(listed.output.split(separator: "\n").count == documents.count)
    var results: [String: Int] = [:]
    for (key, result) in told.results { results[told.work[key] ?? ""] = result }
    for (key, document) in documents {
      let journal = document["journal"]?.array ?? []
      let starts = journal.count { $0["data"]?["event"]?["type"] == "Begin" }
      let ends = journal.count { $0["data"]?["result"] != nil }
      #expect(starts == 1 && ends == 1, "\(key): \(starts) starts, \(ends) results")
      if let result = results[key] { #expect(document["data"]?["result"]?.int == result, "\(key)") }
    }
    return documents.count
  }
}

/// A flag that one thread sets and others read.
private final class Flag: Sendable {
  private let value: Mutex<Bool>

  init(_ value: Bool) { self.value = Mutex(value) }

  var isTrue: Bool { value.withLock { $0 } }
  func set() { value.withLock { $0 = true } }
}
