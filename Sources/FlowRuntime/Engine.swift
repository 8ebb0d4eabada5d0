import FlowIR
public import FlowMachine
import FlowSource

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

  let store: any Store
  let world: any World
  /// The version that new instances run.
  let current: Version
  /// Every version in use, by its hash.
  var versions: [String: Version]
  var cache: [InstanceID: Cached] = [:]
  /// The cached instances by the numbers of their rows.
  var names: [Int64: InstanceID] = [:]
  var counters: StoreCounters
  /// What the present batch writes.
  var batch = StoreBatch()
  /// Instances that the batch has touched; they are dropped when it fails.
  var touched: Set<InstanceID> = []
  var answersInBatch: [String: AnswerRow] = [:]
  /// Jobs that are ready for a runner once the batch is on the disk.
  var ready: [JobRow] = []
  /// Jobs that a runner has.
  var inFlight: [Int64: JobRow] = [:]
  /// Results that are known already, for calls that begin in this batch.
  var knownResults: [(instance: InstanceID, job: JobReference, outcome: CallOutcome)] = []
  /// Events that instances send each other within the batch.
  var deliveries: [Delivery] = []
  var nextTimer: Int64?
  var nextJob: Int64?

  /// - Throws: When the store can't be read or the program's definition can't be kept.
  public init(machine: Machine, store: any Store, world: any World) throws(EngineError) {
    self.store = store
    self.world = world
    current = Version(hash: machine.program.hash, machine: machine)
    versions = [current.hash: current]
    do throws(StoreError) {
      counters = try store.counters()
      if try store.definition(hash: current.hash) == nil {
        var first = StoreBatch()
        first.definitions[current.hash] = machine.program.json.bytes(.canonical)
        try store.commit(first)
      }
      nextTimer = try store.nextTimer(after: .min)
      nextJob = try store.nextJob(after: .min)
    } catch {
      throw EngineError(message: error.message)
    }
  }

  public var machine: Machine { current.machine }

  /// The newest sequence number that is on the disk.
  public var lastSequence: Int64 { counters.sequence }

  /// When there is something to do without being asked; nil for never.
  public var nextDue: Int64? {
    let times = [nextTimer, inFlight.count < Engine.maximumInFlight ? nextJob : nil].compactMap { $0 }
    return times.min()
  }

  /// The instant of the engine's world.
  public var now: Int64 { world.now() }

  /// Lets the store do a little of what can wait. To be called when nothing else is to be done.
  public func maintain() { try? store.maintain(now: world.now()) }

  // MARK: - Batches

  /// Makes what the calls since the last commit have gathered durable.
  /// - Returns: What was written to the journal, in order.
  /// - Throws: Nothing of the batch has happened then, and whoever waits for it has to be told so.
  public func commit() throws(StoreError) -> [JournalEntry] {
    guard !batch.isEmpty else { return [] }
    let committed = batch
    do throws(StoreError) {
      try store.commit(committed)
    } catch {
      try abandonBatch()
      throw error
    }
    clearBatch()
    evict()
    return committed.journal
  }

  private func abandonBatch() throws(StoreError) {
    for id in touched {
      if let cached = cache.removeValue(forKey: id) { names[cached.row.id] = nil }
    }
    clearBatch()
    ready = []
    counters = try store.counters()
    nextTimer = try store.nextTimer(after: .min)
    nextJob = try store.nextJob(after: .min)
  }

  private func clearBatch() {
    batch = StoreBatch()
    touched.removeAll(keepingCapacity: true)
    answersInBatch.removeAll(keepingCapacity: true)
  }

  private func evict() {
    guard cache.count > Engine.maximumCached else { return }
    for (id, cached) in Array(cache.prefix(cache.count / 4)) {
      cache[id] = nil
      names[cached.row.id] = nil
    }
  }

  // MARK: - Instances

  /// The instance with its row, from the cache or the store; nil when there is none.
  func load(_ id: InstanceID) throws(EngineProblem) -> Cached? {
    if let cached = cache[id] { return cached }
    let row: InstanceRow?
    do throws(StoreError) {
      row = try store.instance(flow: id.flow, key: id.key)
    } catch {
      throw .storeUnavailable(error.message)
    }
    guard let row else { return nil }
    return try restore(row)
  }

  /// The instance of a row, by the number that timers and jobs know it by.
  func load(row id: Int64) throws(EngineProblem) -> Cached? {
    if let name = names[id], let cached = cache[name] { return cached }
    let row: InstanceRow?
    do throws(StoreError) {
      row = try store.instance(id: id)
    } catch {
      throw .storeUnavailable(error.message)
    }
    return try row.map { row throws(EngineProblem) in try restore(row) }
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
      cache[InstanceID(row)] = cached
      names[row.id] = InstanceID(row)
      return cached
    } catch let error as ProgramError {
      throw .storeUnavailable(error.message)
    } catch {
      throw .storeUnavailable("the kept instance `\(row.key)` can't be read")
    }
  }

  private func version(_ hash: String) throws(EngineProblem) -> Version {
    if let known = versions[hash] { return known }
    do {
      guard let text = try store.definition(hash: hash) else { throw ProgramError("its program is not in the store") }
      let program = try Program(json: JSON(parsing: text))
      let version = Version(hash: hash, machine: try Machine(program))
      versions[hash] = version
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

  init(flow: String, key: String) {
    self.flow = flow
    self.key = key
  }

  init(_ row: InstanceRow) { self.init(flow: row.flow, key: row.key) }
}

/// A version of the program, ready to step.
struct Version {
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

  static func status(_ number: Int) -> Instance.Status { number == 0 ? .running : number == 1 ? .done : .failed }

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
}
