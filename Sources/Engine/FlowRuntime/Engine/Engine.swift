import FlowIR
import FlowJSON
public import FlowMachine

/// Drives the instances of a store: takes inputs, steps, commits, and only then tells.
///
/// Belongs to one thread, does no I/O but through its store, and reads no clock but its world's: a simulation runs
/// the same code.
public final class Engine {
  /// A cached instance is dropped when there are more than this.
  public static let maximumCached = 100_000
  /// How many events one input may send on to other instances.
  public static let maximumDeliveries = 1000
  /// How many jobs are under way at once.
  public static let maximumInFlight = 1000

  /// The longest key of an instance and the longest idempotency key, in bytes of UTF-8.
  public static let maximumKey = 512

  let store: any Store
  let world: any World
  /// The flows that are served.
  public internal(set) var catalogue = Catalogue()
  /// The scheduled starts and when they fall due.
  var schedules: [ScheduleID: ScheduleRow] = [:]
  /// Both as they are on the disk.
  private var committedCatalogue = Catalogue()
  private var committedSchedules: [ScheduleID: ScheduleRow] = [:]
  /// Every version in use, by its hash.
  var versions: [String: Version]
  var cache = InstanceCache(capacity: Engine.maximumCached / 2)
  var counters: StoreCounters
  /// The counters as they are on the disk.
  private var committedCounters: StoreCounters
  /// What the present batch writes.
  var batch = StoreBatch()
  var answersInBatch: [IdempotencyName: IdempotencyRow] = [:]
  /// The jobs that the batch writes, by their instance.
  var jobsInBatch: [Int64: [Int64]] = [:]
  /// Jobs on the disk that a runner may have.
  var ready: [JobRow] = []
  /// Jobs that a runner has.
  var inFlight: Set<Int64> = []
  /// Results that are known already, for calls that begin in this batch.
  var knownResults: [(instance: InstanceID, job: JobReference, outcome: CallOutcome)] = []
  /// Calls of flows that have ended in this batch.
  var childResults: [(job: Int64, outcome: CallOutcome)] = []
  /// Events that instances send each other within the batch.
  var deliveries: [Delivery] = []
  /// When the store has to be asked for timers and for jobs again; nil for never.
  var nextTimer: Int64? = 0
  var nextJob: Int64? = 0
  /// How fast actions with a `limit` go out, and the instants that waiting jobs of theirs were given.
  var paces: [String: ActionThrottle] = [:]
  var reserved: [Int64: Int64] = [:]
  /// The actions of which more has gone out than the store knows.
  var unkeptPaces: Set<String> = []
  /// When this engine began, and the number of the last job before.
  private(set) var start: (now: Int64, job: Int64) = (0, 0)
  /// What an operator should hear, and no caller is there to be told; the engine's thread passes it on.
  var notices: [String] = []
  /// Why the batch can't be committed: something that it builds on could not be read.
  private var failure: StoreError?

  /// - Parameter machine: What the engine is started with. Flows that were started with before and are not in it are
  ///   retired; those that were deployed while it ran stay.
  /// - Parameter sources: What the program was compiled from; none for one that came as IR.
  /// - Throws: When the store can't be read or the program's definition can't be kept.
  public init(
    machine: Machine, sources: [SourceText] = [], store: any Store, world: any World
  ) throws(EngineError) {
    self.store = store
    self.world = world
    versions = [:]
    do throws(StoreError) {
      counters = try store.counters()
      committedCounters = counters
      start = (world.now(), counters.job)
      if counters.identity.isEmpty {
        batch.identity = world.newID()
        counters.identity = batch.identity ?? ""
      }
      let version = Version(hash: machine.program.hash, machine: machine)
      try restoreDeployments(besides: version)
      install(version, sources, origin: Engine.filesOrigin)
      if !batch.isEmpty { try store.commit(batch) }
      batch = StoreBatch()
      committedCounters = counters
      committedCatalogue = catalogue
      committedSchedules = schedules
    } catch {
      throw EngineError(message: error.message)
    }
  }

  /// The newest sequence number that is on the disk.
  public var lastSequence: Int64 { counters.sequence }

  /// When there is something to do without being asked; nil for never.
  public var nextDue: Int64? {
    let hasRoom = inFlight.count < Engine.maximumInFlight
    if hasRoom, !ready.isEmpty { return 0 }
    return [nextTimer, nextSchedule, hasRoom ? nextJob : nil].compactMap { $0 }.filter { $0 < Engine.parked }.min()
  }

  /// The instant of the engine's world.
  public var now: Int64 { world.now() }

  /// Lets the store do a little of what can wait. To be called when nothing else is to be done.
  /// - Returns: Whether there is more to do.
  public func maintain() throws(StoreError) -> Bool {
    let upkeep = try store.maintain(now: world.now())
    for id in upkeep.archived { cache.drop(row: id) }
    return upkeep.hasMore
  }

  /// What an operator should hear since the last time.
  func takeNotices() -> [String] {
    defer { notices.removeAll() }
    return notices
  }

  // MARK: - Batches

  /// Makes what the calls since the last commit have gathered durable.
  /// - Returns: What was written to the journal, in order.
  /// - Throws: Nothing of the batch has happened then, and whoever waits for it has to be told so.
  public func commit() throws(StoreError) -> [JournalEntry] {
    if let failure {
      abandonBatch()
      throw failure
    }
    if !unkeptPaces.isEmpty { keepPaces() }
    guard !batch.isEmpty else { return [] }
    if counters.job != committedCounters.job { batch.lastJob = counters.job }
    do throws(StoreError) {
      try store.commit(batch)
    } catch {
      abandonBatch()
      throw error
    }
    committedCounters = counters
    committedCatalogue = catalogue
    committedSchedules = schedules
    notePacesKept()
    let committed = batch
    clearBatch()
    schedule(committed.jobs)
    cache.age()
    return committed.journal
  }

  /// Forgets the batch; what it built on is read again.
  private func abandonBatch() {
    for id in batch.instances.keys { cache.drop(row: id) }
    clearBatch()
    knownResults = []
    childResults = []
    deliveries = []
    counters = committedCounters
    catalogue = committedCatalogue
    schedules = committedSchedules
    // Timers and jobs that the batch had taken are in the store as before.
    nextTimer = 0
    nextJob = 0
  }

  private func clearBatch() {
    batch = StoreBatch()
    failure = nil
    answersInBatch.removeAll(keepingCapacity: true)
    jobsInBatch.removeAll(keepingCapacity: true)
  }

  /// Asks the store. When it has no answer, the batch fails as a whole: a guess could do work twice, or lose it.
  /// - Returns: Nil when it could not be read.
  func read<Answer>(_ question: () throws(StoreError) -> Answer) -> Answer? {
    do throws(StoreError) {
      return try question()
    } catch {
      failure = error
      return nil
    }
  }

  // MARK: - Instances

  /// The instance with its row, from the cache or the store; nil when there is none.
  func load(_ id: InstanceID) throws(EngineProblem) -> Cached? {
    if let cached = cache.find(id) { return cached }
    guard let found = read({ () throws(StoreError) in try store.instance(flow: id.flow, key: id.key) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return try found.map { row throws(EngineProblem) in try restore(row) }
  }

  /// The instance of a row, by the number that timers and jobs know it by.
  func load(row id: Int64) throws(EngineProblem) -> Cached? {
    if let cached = cache.find(row: id) { return cached }
    guard let found = read({ () throws(StoreError) in try store.instance(id: id) }) else {
      throw .storeUnavailable("the instance could not be read")
    }
    return try found.map { row throws(EngineProblem) in try restore(row) }
  }

  func restore(_ row: InstanceRow) throws(EngineProblem) -> Cached {
    let version = try version(row.definition)
    do {
      let position = try JSON(parsing: row.position)
      let data = try JSON(parsing: row.data)
      guard let flow = version.machine.flow(named: row.flow) else {
        throw ProgramError("the flow `\(row.flow)` is not in its program")
      }
      let header = InstanceHeader(
        flow: flow, key: row.key, status: Cached.status(row.status), revision: row.revision, startedAt: row.startedAt)
      let instance = try version.stepper.restore(header, position: position, data: data)
      let cached = Cached(row: row, instance: instance, version: version)
      cache.keep(cached)
      return cached
    } catch let error as ProgramError {
      throw .storeUnavailable(error.message)
    } catch {
      throw .storeUnavailable("the kept instance `\(row.key)` can't be read")
    }
  }

  func version(_ hash: String) throws(EngineProblem) -> Version {
    if let known = versions[hash] { return known }
    do {
      guard let text = read({ () throws(StoreError) in try store.definition(hash: hash) }) ?? nil else {
        throw ProgramError("its program is not in the store")
      }
      let program = try Program(json: JSON(parsing: text))
      let version = Version(hash: hash, machine: try Machine(program))
      versions[hash] = version
      startPaces(of: version.machine)
      return version
    } catch {
      throw .storeUnavailable("an instance runs the program \(hash.prefix(12)), which can't be loaded")
    }
  }
}

/// Why an engine could not begin.
public struct EngineError: Error, Hashable, Sendable {
  public var message: String

  public init(message: String) { self.message = message }
}

/// What names an instance: a key is unique within its flow.
public struct InstanceID: Hashable, Sendable {
  public var flow: String
  public var key: String

  /// Byte for byte, as stores compare.
  public static func == (a: InstanceID, b: InstanceID) -> Bool {
    a.key.utf8.elementsEqual(b.key.utf8) && a.flow.utf8.elementsEqual(b.flow.utf8)
  }

  init(flow: String, key: String) {
    self.flow = flow
    self.key = key
  }

  init(_ row: InstanceRow) { self.init(flow: row.flow, key: row.key) }
}

/// A version of the program, ready to step.
final class Version {
  let hash: String
  let machine: Machine
  let stepper: Stepper

  init(hash: String, machine: Machine) {
    self.hash = hash
    self.machine = machine
    self.stepper = Stepper(machine)
  }
}

/// An instance in memory with the row that it is kept in.
struct Cached {
  var row: InstanceRow
  var instance: Instance
  let version: Version

  static func status(_ number: Int) -> Instance.Status { number == 1 ? .done : 2...3 ~= number ? .failed : .running }

  static func number(_ status: Instance.Status) -> Int {
    switch status {
    case .running: 0
    case .done: 1
    case .failed: 2
    }
  }
}

/// An event that an instance has emitted, for others of the same store.
struct Delivery {
  var event: String
  var payload: JSON
  var sender: InstanceID
  /// The one that it was kept for; nil for whoever waits by its key.
  var receiver: InstanceID?
}
