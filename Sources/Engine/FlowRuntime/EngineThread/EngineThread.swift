import Dispatch
import Foundation
import Synchronization

/// Runs an engine on its own thread: collects requests, commits them as one batch, and only then answers.
///
/// The next batch is collected while one is written, so that the size of batches adapts to the load.
public final class EngineThread: Sendable {
  /// The length of the request queue; further requests are refused with `.overloaded`.
  public static let maximumWaiting = 20_000
  /// The number of requests in one batch.
  public static let maximumBatch = 1024

  /// Functions that the engine's thread calls.
  public struct Callbacks: Sendable {
    /// Called after each commit with its entries, in commit order.
    public var onCommit: @Sendable ([JournalEntry]) -> Void
    /// Called when the state on the disk is unknown: the process has to stop.
    public var onFatal: @Sendable (String) -> Void
    /// Called with a message for the operator.
    public var onWarning: @Sendable (String) -> Void
    /// Called with the duration of each commit that wrote something, in seconds.
    public var onCommitDuration: @Sendable (Double) -> Void
    /// Called after each piece of maintenance with the age of the oldest piece that is due, in milliseconds.
    public var onMaintenance: @Sendable (Int64) -> Void

    public init(
      onCommit: @escaping @Sendable ([JournalEntry]) -> Void, onFatal: @escaping @Sendable (String) -> Void,
      onWarning: @escaping @Sendable (String) -> Void = { _ in },
      onCommitDuration: @escaping @Sendable (Double) -> Void = { _ in },
      onMaintenance: @escaping @Sendable (Int64) -> Void = { _ in }
    ) {
      self.onCommit = onCommit
      self.onFatal = onFatal
      self.onWarning = onWarning
      self.onCommitDuration = onCommitDuration
      self.onMaintenance = onMaintenance
    }
  }

  /// The pause after a failed commit, in seconds.
  static let pauseAfterFailure = 0.1
  /// The longest sleep of the thread, in milliseconds.
  static let longestSleep: Int64 = 1000

  /// One request to the engine.
  struct Item: Sendable {
    var work: @Sendable (Engine) -> Reply
    /// Reports that the request is not executed.
    var refuse: @Sendable (EngineProblem) -> Void
  }

  /// Answers a request: with the error when the batch could not be committed.
  typealias Reply = @Sendable (StoreError?) -> Void

  private struct Queue {
    var items: [Item] = []
    var isClosed = false
    /// True if the thread sleeps and has to be woken.
    var isWaiting = false
  }

  private let queue = Mutex(Queue())
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)
  private let served = Mutex(Catalogue())
  /// The error of the last commit; nil when it succeeded.
  private let failure = Mutex<String?>(nil)

  /// The number of calls in progress above which the owner of a store gives others to nodes that ask for some.
  private let ownCalls: Int

  /// - Parameter ownCalls: The number of calls in progress above which the owner of a store gives others to nodes that
  ///   ask for some.
  public init(ownCalls: Int = Engine.defaultOwnCalls) { self.ownCalls = ownCalls }

  /// The engine of another process, of which only the flows are known that it serves: it refuses all requests.
  public static func remote() -> EngineThread {
    let engine = EngineThread()
    engine.queue.withLock { $0.isClosed = true }
    return engine
  }

  /// Sets the flows that the engine of another process serves.
  public func follow(_ catalogue: Catalogue) { served.withLock { $0 = catalogue } }

  /// The reason why the last batch could not be committed; nil after a successful commit.
  public var commitFailure: String? { failure.withLock { $0 } }

  /// The flows that are served, as of the last commit.
  public var catalogue: Catalogue { served.withLock { $0 } }

  /// Starts the thread. The engine is created on it, so that no other thread ever accesses it.
  /// - Throws: The error of `makeEngine`.
  public func start(
    runner: any ActionRunner, callbacks: Callbacks,
    makeEngine: @escaping @Sendable () throws(EngineError) -> Engine
  ) throws(EngineError) {
    let started = DispatchSemaphore(value: 0)
    let failure = Mutex<EngineError?>(nil)
    let thread = Thread { [self] in
      do throws(EngineError) {
        let engine = try makeEngine()
        served.withLock { $0 = engine.catalogue }
        started.signal()
        run(engine, runner: runner, callbacks: callbacks)
      } catch {
        failure.withLock { $0 = error }
        started.signal()
      }
      ended.signal()
    }
    thread.name = "flow-engine"
    thread.stackSize = 8 << 20
    thread.start()
    started.wait()
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Rejects further requests, completes those in the queue, and ends the thread.
  public func shutdown() {
    queue.withLock { $0.isClosed = true }
    wake.signal()
    ended.wait()
    // A second call returns as well.
    ended.signal()
  }

  // MARK: - Requests

  /// Accepts an event; `completion` is called after the commit.
  public func submit(
    _ command: EventCommand, completion: @escaping @Sendable (Result<EventAnswer, EngineProblem>) -> Void
  ) {
    perform({ $0.submit(command) }, completion: completion)
  }

  /// Leases jobs of a queue to an external worker. A waiting request is answered when a job is available, or without
  /// jobs at its timeout.
  public func claim(
    _ request: ClaimRequest, completion: @escaping @Sendable (Result<[ClaimedJob], EngineProblem>) -> Void
  ) {
    guard request.waitMilliseconds > 0 else { return perform({ $0.claim(request) }, completion: completion) }
    let item = Item(
      work: { engine in
        engine.waitingClaims.add(request, at: engine.now, completion: completion)
        return { _ in }
      },
      refuse: { completion(.failure($0)) })
    if let problem = enqueue(item) { completion(.failure(problem)) }
  }

  /// Completes a job that a worker has leased.
  public func finish(
    _ job: Int64, fence: Int, outcome: JobOutcome,
    completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform({ $0.finish(job, fence: fence, outcome: outcome) }, completion: completion)
  }

  /// Extends a worker's lease.
  /// - Parameter completion: Receives the new end of the lease, in milliseconds since 1970.
  public func heartbeat(
    _ job: Int64, fence: Int, leaseMilliseconds: Int64,
    completion: @escaping @Sendable (Result<Int64, EngineProblem>) -> Void
  ) {
    perform(
      { $0.heartbeat(job, fence: fence, leaseMilliseconds: leaseMilliseconds) }, completion: completion)
  }

  /// Calls `completion` when the engine has reached the request, which shows that it is alive.
  public func ping(completion: @escaping @Sendable () -> Void) {
    perform({ _ in Result<Void, EngineProblem>.success(()) }, completion: { _ in completion() })
  }

  func perform<Success: Sendable>(
    _ work: @escaping @Sendable (Engine) -> Result<Success, EngineProblem>,
    completion: @escaping @Sendable (Result<Success, EngineProblem>) -> Void
  ) {
    let item = Item(
      work: { engine in
        let result = work(engine)
        return { error in completion(error.map { .failure(.storeUnavailable($0.message)) } ?? result) }
      },
      refuse: { completion(.failure($0)) })
    if let problem = enqueue(item) { completion(.failure(problem)) }
  }

  /// - Returns: The reason when the request is rejected.
  func enqueue(_ item: Item, isInternal: Bool = false) -> EngineProblem? {
    let (problem, mustWake) = queue.withLock { queue -> (EngineProblem?, Bool) in
      if queue.isClosed { return (.shuttingDown, false) }
      // Results of jobs always have room, or the system could not drain itself.
      if !isInternal, queue.items.count >= EngineThread.maximumWaiting { return (.overloaded, false) }
      queue.items.append(item)
      defer { queue.isWaiting = false }
      return (nil, queue.isWaiting)
    }
    if mustWake { wake.signal() }
    return problem
  }

  // MARK: - The loop

  private func run(_ engine: Engine, runner: any ActionRunner, callbacks: Callbacks) {
    let loop = Loop(engine: engine, runner: runner, callbacks: callbacks)
    while true {
      let (items, isClosed) = dequeue()
      if items.isEmpty, isClosed { return loop.refuseClaims() }
      guard runBatch(items, in: loop), maintain(loop, isIdle: items.isEmpty) else {
        loop.refuseClaims()
        return close()
      }
      wait(loop)
    }
  }

  /// Runs one batch: the requests and all due work. Then jobs start, and those that end immediately form a second
  /// batch.
  /// - Returns: False when the store has failed permanently.
  private func runBatch(_ items: [Item], in loop: Loop) -> Bool {
    let engine = loop.engine
    var replies = items.map { $0.work(engine) }
    engine.endLeases()
    engine.endLostCalls()
    engine.fireTimers()
    engine.fireSchedules()
    replies += loop.claims.serve(engine)
    guard commit(replies, in: loop) else { return false }
    return commit(startJobs(in: loop), in: loop)
  }

  /// Starts the ready jobs. While other nodes ask for calls, they get those beyond the owner's own number, and the
  /// owner runs what they can't.
  /// - Returns: The replies to other nodes, to be sent after the commit.
  private func startJobs(in loop: Loop) -> [Reply] {
    let engine = loop.engine
    var hasPage = false
    var replies: [Reply] = []
    if !engine.waitingCallClaims.isEmpty {
      start(engine.dispatch(atMost: ownCalls, hasPage: &hasPage), in: loop)
      replies = engine.waitingCallClaims.serve(engine)
    }
    start(engine.dispatch(atMost: Engine.maximumInFlight, hasPage: &hasPage), in: loop)
    return replies
  }

  /// Runs a piece of maintenance when the budget allows, and verifies the files of the store once a second.
  private func maintain(_ loop: Loop, isIdle: Bool) -> Bool {
    do throws(StoreError) {
      if loop.schedule.isCheckDue() { try loop.engine.verify() }
      guard loop.schedule.mayRun(now: loop.engine.now, isIdle: isIdle) else { return true }
      let result = try loop.engine.maintain(isIdle: isIdle)
      loop.schedule.didRun(result)
      loop.callbacks.onMaintenance(result.lag)
      if let warning = loop.schedule.warning(of: result) { loop.callbacks.onWarning(warning) }
      return true
    } catch {
      loop.schedule.didFail()
      guard case .fatal(let message) = error else {
        loop.callbacks.onWarning("maintenance of the store failed, and will be retried: \(error.message)")
        return true
      }
      loop.callbacks.onFatal(message)
      return false
    }
  }

  private func start(_ jobs: [(job: Int64, request: JobRequest)], in loop: Loop) {
    for (job, request) in jobs {
      loop.runner.run(request) { [self] outcome in
        let item = Item(
          work: { engine in
            engine.finish(job, outcome)
            return { _ in }
          }, refuse: { _ in })
        // A result after the shutdown is lost; the next start finds the job in the store.
        _ = enqueue(item, isInternal: true)
      }
    }
  }

  private func dequeue() -> (items: [Item], isClosed: Bool) {
    queue.withLock { queue in
      guard queue.items.count > EngineThread.maximumBatch else {
        let taken = queue.items
        queue.items = []
        return (taken, queue.isClosed)
      }
      let taken = Array(queue.items.prefix(EngineThread.maximumBatch))
      queue.items.removeFirst(taken.count)
      return (taken, queue.isClosed)
    }
  }

  /// Commits, replies, publishes.
  /// - Returns: False when the store has failed permanently.
  private func commit(_ replies: [Reply], in loop: Loop) -> Bool {
    do throws(StoreError) {
      let start = DispatchTime.now().uptimeNanoseconds
      let entries = try loop.engine.commit()
      if !entries.isEmpty {
        loop.callbacks.onCommitDuration(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
      }
      publish(loop)
      for reply in replies { reply(nil) }
      if !entries.isEmpty {
        loop.schedule.didCommit()
        loop.callbacks.onCommit(entries)
      }
      if failure.withLock({ $0 != nil }) { failure.withLock { $0 = nil } }
      return true
    } catch {
      failure.withLock { $0 = error.message }
      for reply in replies { reply(error) }
      if case .fatal(let message) = error {
        loop.callbacks.onFatal(message)
        return false
      }
      Thread.sleep(forTimeInterval: EngineThread.pauseAfterFailure)
      return true
    }
  }

  /// Publishes the catalogue and the warnings.
  private func publish(_ loop: Loop) {
    served.withLock { served in
      if served.generation != loop.engine.catalogue.generation { served = loop.engine.catalogue }
    }
    for warning in loop.engine.drainWarnings() { loop.callbacks.onWarning(warning) }
  }

  /// Rejects all further requests, and those in the queue.
  private func close() {
    let left = queue.withLock { queue in
      queue.isClosed = true
      defer { queue.items = [] }
      return queue.items
    }
    for item in left { item.refuse(.storeUnavailable("the store is lost; the process has to start again")) }
  }

  /// Sleeps until a request arrives or work is due, for a second at most, so that a changed clock and a deleted store
  /// are detected.
  private func wait(_ loop: Loop) {
    let mustWait = queue.withLock { queue in
      queue.isWaiting = queue.items.isEmpty && !queue.isClosed
      return queue.isWaiting
    }
    guard mustWait else { return }
    let engine = loop.engine
    let due = [engine.nextDue, loop.claims.nextDue(engine), loop.schedule.nextDue(engine.now)].compactMap { $0 }.min()
    let milliseconds = min(max((due ?? .max) - engine.now, 0), EngineThread.longestSleep)
    _ = wake.wait(timeout: .now() + .milliseconds(Int(milliseconds)))
    queue.withLock { $0.isWaiting = false }
  }
}

/// The objects of the engine's thread.
private final class Loop {
  let engine: Engine
  let runner: any ActionRunner
  let callbacks: EngineThread.Callbacks
  var schedule = MaintenanceSchedule()
  let claims: WaitingClaims

  init(engine: Engine, runner: any ActionRunner, callbacks: EngineThread.Callbacks) {
    self.engine = engine
    self.runner = runner
    self.callbacks = callbacks
    claims = engine.waitingClaims
  }

  /// Answers the waiting claims without jobs.
  func refuseClaims() {
    claims.refuseAll()
    engine.waitingCallClaims.refuseAll()
  }
}
