import FlowGenerator
import FlowJSON
import FlowRuntime
import Foundation

@testable import FlowStoreSQLite

/// A load on a watched disk with repeated power cuts. After each cut, the state that a new start finds is checked.
final class PowerCut {
  /// The number of images of one moment.
  static let imagesPerCut = 3
  /// The number of clients that repeat their requests.
  static let askedAgain = 40

  private struct Cut {
    var image: DiskImage
    var mood: Disk.Mood
    var clients: ClientRecords
    /// The index of the state of the store at its creation; nil if there was none.
    var state: Int?
    var now: Int64
  }

  private let folder: URL
  private let disk: Disk
  private let load: CutLoad
  private let seed: Int
  private var random: SplitMix64
  /// The number of changes of the disk until the cut; nil if no cut is planned.
  private var countdown: Int?
  private var cuts: [Cut] = []
  /// The contents of the store after each transaction while a cut may happen.
  private var states: [[String]] = []
  private var isLooking = false
  private var isSynced = true
  private var isOpened = false
  private(set) var images = 0
  /// The number of instances with a snapshot in them.
  private(set) var folds = 0
  /// The violations that were found.
  private(set) var findings: [String] = []

  private var path: String { folder.appending(path: "live/x.db").path }

  init(seed: Int, bug: CutLoad.Bug? = nil) throws {
    self.seed = seed
    // In memory if possible: this disk determines what is synced, not the real one.
    let memory = URL(filePath: "/dev/shm")
    let isThere = FileManager.default.isWritableFile(atPath: memory.path)
    folder = (isThere ? memory : FileManager.default.temporaryDirectory).appending(
      path: "flow-cut-\(UUID().uuidString)")
    let live = folder.appending(path: "live")
    try FileManager.default.createDirectory(at: live, withIntermediateDirectories: true)
    disk = try Disk(watching: live.path + "/x.db")
    load = CutLoad(path: live.appending(path: "x.db").path, seed: seed, bug: bug)
    load.disk = disk
    random = SplitMix64(seed: seed &+ 77)
  }

  deinit {
    disk.release()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Runs the load until the number of cuts is reached or a violation is found.
  func run(images wanted: Int) throws {
    disk.noticed = { [unowned self] isSync in notice(isSync) }
    defer { disk.noticed = { _ in } }
    try watched { try load.open() }
    isOpened = true
    while images < wanted, findings.isEmpty { try watched { try load.step() } }
    load.close()
  }

  /// Performs an operation that may be cut off, during it or directly after it.
  private func watched(_ operation: () throws -> Void) throws {
    guard !isOpened || random.next(below: 3) == 0 else { return try operation() }
    states = isOpened ? [contents(of: path) ?? []] : []
    isSynced = true
    countdown = 1 + random.next(below: random.next(below: 4) == 0 ? 400 : 30)
    try operation()
    if countdown != nil { cut() }
    countdown = nil
    if let last = contents(of: path) { states.append(last) }
    for cut in cuts where findings.isEmpty { try examine(cut) }
    cuts = []
  }

  private func notice(_ isSync: Bool) {
    guard !isLooking, countdown != nil || isNextStateMissing else { return }
    // The first change after a sync belongs to another transaction; the end of the previous one is visible by now.
    if isSynced, isOpened { recordState() }
    isSynced = isSync
    guard let left = countdown else { return }
    countdown = left - 1
    if left == 1 {
      cut()
      countdown = nil
    }
  }

  /// True until the transaction that a cut may have completed has a state: the operation may go on with others.
  private var isNextStateMissing: Bool { cuts.last?.state == states.count - 1 }

  private func recordState() {
    isLooking = true
    defer { isLooking = false }
    if let now = contents(of: path), now != states.last { states.append(now) }
  }

  private func cut() {
    for _ in 0..<PowerCut.imagesPerCut {
      let mood = Disk.Mood.allCases[random.next(below: Disk.Mood.allCases.count)]
      cuts.append(
        Cut(
          image: disk.cut(mood, &random), mood: mood, clients: load.clients,
          state: states.isEmpty ? nil : states.count - 1, now: load.world.now()))
    }
    countdown = nil
  }

  // MARK: - Inspection of an image

  private func examine(_ cut: Cut) throws {
    images += 1
    let image = folder.appending(path: "image")
    try? FileManager.default.removeItem(at: image)
    try FileManager.default.createDirectory(at: image, withIntermediateDirectories: true)
    for (name, bytes) in cut.image { try Data(bytes).write(to: image.appending(path: name)) }
    let path = image.appending(path: "x.db").path
    let start = CutLoad(path: path, seed: seed &+ images, world: CutWorld())
    start.world.advance(cut.now - start.world.now())
    do {
      if let problem = try problem(cut, path, start) {
        findings.append("seed \(seed), image \(images), \(cut.mood): \(problem)")
      }
    } catch {
      findings.append("seed \(seed), image \(images), \(cut.mood): \(error)")
    }
  }

  private func problem(_ cut: Cut, _ path: String, _ start: CutLoad) throws -> String? {
    if let state = cut.state {
      let found = contents(of: path) ?? ["unreadable"]
      let possible = states[state...].prefix(2)
      if !possible.contains(found) { return PowerCut.difference(found, states[state]) }
      if let wrong = try StoreFile.check(path).first { return wrong }
    }
    try start.open()
    if let wrong = try rebuildingProblem(path) { return wrong }
    if let wrong = try archiveProblem(cut, path) { return wrong }
    if let wrong = try replies(cut, start) { return wrong }
    // The load continues normally.
    for _ in 0..<20 { try start.step() }
    if let wrong = try StoreFile.check(path).first { return "later: \(wrong)" }
    return nil
  }

  /// A repeated request has the same answer, and no further effect.
  private func replies(_ cut: Cut, _ start: CutLoad) throws -> String? {
    guard let engine = start.engine, let store = start.store else { return "no engine" }
    let archived = try PowerCut.archived(start.path)
    let known = cut.clients.acknowledged.filter { cut.now - $0.at < SQLiteStore.answerWindow }
    // Old ones are compared as rows, because repeating all of them takes too long.
    for acknowledgement in known.suffix(PowerCut.askedAgain) where !archived.contains(acknowledgement.answer.sequence) {
      guard case .success(var answer) = engine.submit(acknowledgement.command) else {
        return "\(acknowledgement.command) is refused"
      }
      guard answer.replayed else { return "lost: \(acknowledgement.answer)" }
      answer.replayed = false
      if answer != acknowledgement.answer { return "\(acknowledgement.answer) has become \(answer)" }
    }
    for job in cut.clients.ended where try store.job(id: job) != nil { return "job \(job) has ended and still exists" }
    return nil
  }

  /// The data of an instance is its snapshot with the later changes.
  private func rebuildingProblem(_ path: String) throws -> String? {
    let queries = try SQLiteQueries(path: path)
    for row in try queries.instances(InstanceFilter(), after: nil, limit: 1000) {
      let beginning = try queries.beginning(instance: row.id)
      if beginning != nil { folds += 1 }
      var data: [String: JSON] = [:]
      for member in try beginning.map({ try JSON(parsing: $0.data) })?.members ?? [] {
        data[member.name] = member.value
      }
      for entry in try queries.history(instance: row.id, after: 0, limit: 10_000) where entry.kind == .step {
        if entry.body["created"] == true { data = [:] }
        for change in entry.body["changes"]?.members ?? [] { data[change.name] = change.value }
      }
      let kept = try JSON(parsing: row.data).members ?? []
      if kept.contains(where: { data[$0.name] != $0.value }) || kept.count != data.count {
        return "\(row.key) is not what its journal says"
      }
    }
    return nil
  }

  /// Acknowledged events are completely in the store or in the archive, with their archived instances.
  private func archiveProblem(_ cut: Cut, _ path: String) throws -> String? {
    let archived = try PowerCut.archived(path)
    let queries = try SQLiteQueries(path: path)
    var stored: Set<Int64> = []
    for row in try queries.instances(InstanceFilter(), after: nil, limit: 1000) {
      for entry in try queries.history(instance: row.id, after: 0, limit: 10_000) { stored.insert(entry.sequence) }
    }
    for acknowledgement in cut.clients.acknowledged
    where !stored.contains(acknowledgement.answer.sequence) && !archived.contains(acknowledgement.answer.sequence) {
      return "entry \(acknowledgement.answer.sequence) is in neither the store nor the archive"
    }
    return nil
  }

  /// The offsets of the entries in the complete lines of an archive. A cut may leave an incomplete line.
  private static func archived(_ path: String) throws -> Set<Int64> {
    let archive = path + ".archive"
    guard !ArchiveFile.segments(of: archive).isEmpty else { return [] }
    var found: Set<Int64> = []
    _ = try Archive(path: archive).read { entry throws(StoreError) in
      let offsets = (entry.document["journal"]?.array ?? []).compactMap { $0["offset"]?.int }
      found.formUnion(offsets.map { Int64($0) })
    }
    return found
  }

  private static func difference(_ found: [String], _ expected: [String]) -> String {
    let (missing, more) = (Set(expected).subtracting(found), Set(found).subtracting(expected))
    let lines = missing.sorted().prefix(3).map { "missing \($0)" } + more.sorted().prefix(3).map { "surplus \($0)" }
    return lines.map { String($0.prefix(200)) }.joined(separator: "; ")
  }
}
