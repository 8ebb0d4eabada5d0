import FlowIR
import FlowJSON
public import FlowMachine

/// Drives the instances of a store: accepts inputs, executes steps, commits, and only then reports.
///
/// Belongs to one thread, does I/O only through its store, and reads only the clock of its world, so that a simulation
/// runs the same code. Its calls form one batch; ``commit()`` makes it durable.
///
/// ```swift
/// let engine = try Engine(machine: machine, store: store, world: world)
/// let answer = engine.submit(EventCommand(event: "Begin", payload: ["id": "a"]))
/// _ = try engine.commit()  // only now does `answer` hold
/// ```
public final class Engine {
  /// A cached instance is dropped when there are more than this.
  public static let maximumCached = 100_000
  /// The number of consequences within the store that one input may have in its own transaction.
  public static let maximumDeliveries = 1000
  /// The number of jobs in progress.
  public static let maximumInFlight = 1000

  /// The longest key of an instance and the longest idempotency key, in bytes of UTF-8.
  public static let maximumKey = 512

  let store: any Store
  let world: any World
  /// The instant at which it was started, in milliseconds since 1970.
  let startedAt: Int64
  /// The changes since the last commit.
  var batch: BatchState
  var deployments = DeploymentRegistry()
  /// Claims of workers that wait for jobs.
  let waitingClaims = WaitingClaims()
  /// Claims of other nodes that wait for calls.
  let waitingCallClaims = WaitingCallClaims()
  var nodeCalls = NodeCalls()
  var cache = InstanceCache(capacity: Engine.maximumCached / 2)
  var scheduler = JobScheduler()
  var throttles: ActionThrottles
  var slots = ConcurrencySlots()
  var limitRestoration = LimitRestoration.counting
  /// The jobs whose turn it has become during a claim, in their order; nil outside of one.
  var grantedJobs: [Int64]?
  /// Consequences of the steps of the batch.
  var deliveries = Deliveries()
  /// The number of emissions that have led to the current step.
  var hops = 0
  /// The next due time of a timer, at the latest; nil for never.
  var nextTimer: Int64? = 0
  /// The next end of a lease, at the latest; nil for never.
  var nextLease: Int64?
  /// The numbers of the dead letters of messages, the oldest first; nil before they are read.
  var deadMessages: [Int64]?
  var hasWarnedOfDeadMessages = false
  /// Messages for the operator that belong to no request.
  private var warnings: [String] = []

  /// An engine that is started with one program.
  /// - Parameter sources: The files that the program was compiled from; none for one that came as IR.
  /// - Throws: When the store can't be read or the program's definition can't be stored.
  public convenience init(
    machine: Machine, sources: [SourceText] = [], store: any Store, world: any World,
    replacesDeployed: Bool = false
  ) throws(EngineError) {
    try self.init(
      programs: [StartupProgram(machine: machine, sources: sources)], store: store, world: world,
      replacesDeployed: replacesDeployed)
  }

  /// - Parameter programs: The programs that the engine is started with; no two of them declare the same flow. Flows of
  ///   an earlier start that are in none of them are retired; those that were deployed over the API stay.
  /// - Parameter replacesDeployed: Whether a program also replaces flows that were deployed over the API after it was
  ///   served last. A program that was never served always replaces them.
  /// - Throws: When the store can't be read or the definition of a program can't be stored.
  public init(
    programs: [StartupProgram], store: any Store, world: any World, replacesDeployed: Bool = false
  ) throws(EngineError) {
    self.store = store
    self.world = world
    startedAt = world.now()
    do throws(StoreError) {
      let counters = try store.counters()
      nextLease = try store.nextLease(after: 0)
      batch = BatchState(counters: counters)
      throttles = ActionThrottles(startedAt: startedAt, lastJob: counters.job)
      if counters.identity.isEmpty {
        let identity = world.newID()
        batch.writes.identity = identity
        batch.counters.identity = identity
      }
      let versions = programs.map { Version(hash: $0.machine.program.hash, machine: $0.machine) }
      try restoreDeployments(startedWith: versions)
      for (version, program) in zip(versions, programs) {
        let newer = replacesDeployed ? [] : try flowsDeployedAfter(version)
        install(version, sources: program.sources, origin: .files, except: newer)
      }
      if !batch.writes.isEmpty { try store.commit(batch.writes) }
      _ = batch.didCommit(deployments)
    } catch {
      throw EngineError(message: error.message, isTemporary: error.isTemporary)
    }
  }

  /// The flows that are served.
  public var catalogue: Catalogue { deployments.catalogue }

  /// The newest durable sequence number.
  public var lastSequence: Int64 { batch.counters.sequence }

  /// The next instant at which the engine has work without an input, in milliseconds since 1970; nil for never.
  public var nextDue: Int64? {
    let hasRoom = scheduler.hasRoom
    if hasRoom, scheduler.hasReady { return 0 }
    if !limitRestoration.isDone { return 0 }
    return [
      nextTimer, nextLease, deployments.nextStart, throttles.nextTurn, hasRoom ? scheduler.nextDue : nil,
      nodeCalls.nextLoss, waitingCallClaims.nextDue,
    ].compactMap { $0 }.filter { $0 <= JobDue.latest }.min()
  }

  /// The current instant of the engine's world, in milliseconds since 1970.
  public var now: Int64 { world.now() }

  /// Runs one piece of maintenance of the store. Called between batches.
  /// - Parameter isIdle: True if no requests are waiting.
  /// - Throws: When the store has failed; `.fatal` when the process has to stop.
  public func maintain(isIdle: Bool = true) throws(StoreError) -> MaintenanceResult {
    let result = try store.maintain(now: world.now(), isIdle: isIdle)
    for id in result.archived { cache.drop(row: id) }
    return result
  }

  /// Checks that the files of the store are still those that were opened.
  /// - Throws: `.fatal` when they are not.
  public func verify() throws(StoreError) { try store.verify() }

  /// Removes and returns the warnings since the last call.
  func drainWarnings() -> [String] {
    defer { warnings.removeAll() }
    return warnings
  }

  func warn(_ message: String) { warnings.append(message) }

  // MARK: - Batches

  /// Makes the changes of the calls since the last commit durable.
  /// - Returns: The new journal entries, in order.
  /// - Throws: `StoreError` when nothing was committed; the callers of the batch have to be informed.
  public func commit() throws(StoreError) -> [JournalEntry] {
    if let failure = batch.failure {
      abandonBatch()
      throw failure
    }
    batch.writes.throttles = throttles.unsaved(withOthers: !batch.writes.isEmpty, at: world.now())
    guard !batch.writes.isEmpty else {
      try store.confirmOwnership()
      return []
    }
    batch.prepare()
    do throws(StoreError) {
      try store.commit(batch.writes)
    } catch {
      abandonBatch()
      throw error
    }
    throttles.markSaved()
    let committed = batch.didCommit(deployments)
    scheduler.schedule(committed.jobs, removed: committed.jobsRemoved, at: world.now())
    waitingClaims.note(committed.jobs.values)
    cache.age()
    return committed.journal
  }

  private func abandonBatch() {
    for id in batch.rollBack(&deployments) { cache.drop(row: id) }
    deliveries.removeAll()
    // Timers and jobs that the batch had dequeued are unchanged in the store.
    nextTimer = 0
    nextLease = 0
    scheduler.rereadStore()
    slots.reset()
    throttles.releaseAll()
    limitRestoration = .counting
    deadMessages = nil
  }

  /// Reads the store. On an error the batch fails as a whole.
  /// - Returns: Nil when the store could not be read.
  func read<Answer>(_ question: () throws(StoreError) -> Answer) -> Answer? {
    do throws(StoreError) {
      return try question()
    } catch {
      batch.failure = error
      return nil
    }
  }
}

/// The reason why an engine could not start.
public struct EngineError: Error, Hashable, Sendable {
  public var message: String
  /// True if a later start may succeed: the store could not be reached.
  public var isTemporary: Bool

  public init(message: String, isTemporary: Bool = false) {
    self.message = message
    self.isTemporary = isTemporary
  }
}
