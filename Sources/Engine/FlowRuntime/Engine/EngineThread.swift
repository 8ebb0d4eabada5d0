import Dispatch
import Foundation
import Synchronization

/// Runs an engine on a thread of its own: gathers requests, commits them as one batch, and only then answers.
///
/// While one batch is written the next one gathers, so that the load itself sets the size of a batch.
public final class EngineThread: Sendable {
  /// The length of the request queue; further requests are refused with `.overloaded`.
  public static let maximumWaiting = 20_000
  /// The number of requests in one batch.
  public static let maximumBatch = 1024

  /// Functions that the engine's thread calls.
  public struct Callbacks: Sendable {
    /// Called after each commit with its entries, in commit order.
    public var onCommit: @Sendable ([JournalEntry]) -> Void
    /// Called when the state on the disk is no longer known: the process has to stop.
    public var onFatal: @Sendable (String) -> Void
    /// Called with a message for the operator.
    public var onWarning: @Sendable (String) -> Void
    /// Called with the duration of each commit that wrote something, in seconds.
    public var onCommitDuration: @Sendable (Double) -> Void

    public init(
      onCommit: @escaping @Sendable ([JournalEntry]) -> Void, onFatal: @escaping @Sendable (String) -> Void,
      onWarning: @escaping @Sendable (String) -> Void = { _ in },
      onCommitDuration: @escaping @Sendable (Double) -> Void = { _ in }
    ) {
      self.onCommit = onCommit
      self.onFatal = onFatal
      self.onWarning = onWarning
      self.onCommitDuration = onCommitDuration
    }
  }

  /// The pause after a failed commit, in seconds.
  static let pauseAfterFailure = 0.1
  /// The time without requests after which maintenance runs, in milliseconds.
  static let idleMilliseconds: Int64 = 200

  /// One request to the engine.
  struct Item: Sendable {
    var work: @Sendable (Engine) -> Reply
    /// Answers that the request will not be carried out.
    var refuse: @Sendable (EngineProblem) -> Void
  }

  /// Answers a request: with the error when the batch could not be committed.
  typealias Reply = @Sendable (StoreError?) -> Void

  private struct Queue {
    var items: [Item] = []
    var isClosed = false
    /// Whether the thread sleeps and has to be woken.
    var isWaiting = false
  }

  private let queue = Mutex(Queue())
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)
  private let served = Mutex(Catalogue())

  public init() {}

  /// The flows that are served, as of the last commit.
  public var catalogue: Catalogue { served.withLock { $0 } }

  /// Starts the thread. The engine is made on it, so that no other thread ever holds it.
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

  /// Refuses further requests, finishes those that wait, and ends the thread.
  public func shutdown() {
    queue.withLock { $0.isClosed = true }
    wake.signal()
    ended.wait()
    // A second call returns as well.
    ended.signal()
  }

  // MARK: - Requests

  /// Accepts an event; `completion` is called when it is on the disk.
  public func submit(
    _ command: EventCommand, completion: @escaping @Sendable (Result<EventAnswer, EngineProblem>) -> Void
  ) {
    perform({ $0.submit(command) }, completion: completion)
  }

  /// Leases jobs of a queue to an outside worker.
  public func claim(
    queue: String, limit: Int, leaseMilliseconds: Int64, flows: Set<String>? = nil,
    completion: @escaping @Sendable (Result<[ClaimedJob], EngineProblem>) -> Void
  ) {
    perform(
      { $0.claim(queue: queue, limit: limit, leaseMilliseconds: leaseMilliseconds, flows: flows) },
      completion: completion)
  }

  /// Ends a job that a worker has leased.
  public func finish(
    _ job: Int64, fence: Int, outcome: JobOutcome,
    completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform({ $0.finish(job, fence: fence, outcome: outcome) }, completion: completion)
  }

  /// Extends a worker's lease.
  /// - Parameter completion: Is given the new end of the lease, in milliseconds since 1970.
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

  /// - Returns: The reason when the request is refused.
  private func enqueue(_ item: Item, isInternal: Bool = false) -> EngineProblem? {
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
    var isMaintained = false
    while true {
      let (items, isClosed) = dequeue()
      if items.isEmpty, isClosed { return }
      if !runBatch(items, in: loop, &isMaintained) { return close() }
      wait(engine, isMaintained: isMaintained)
    }
  }

  /// The objects that the thread works with.
  private struct Loop {
    let engine: Engine
    let runner: any ActionRunner
    let callbacks: Callbacks
  }

  /// Runs one batch: the requests and all that is due. Then jobs start, and those that end immediately are a second
  /// batch.
  /// - Returns: False when the store is lost.
  private func runBatch(_ items: [Item], in loop: Loop, _ isMaintained: inout Bool) -> Bool {
    let engine = loop.engine
    let replies = items.map { $0.work(engine) }
    engine.fireTimers()
    engine.fireSchedules()
    guard commit(replies, in: loop, &isMaintained) else { return false }
    for (job, request) in engine.dispatch() { start(job, request: request, runner: loop.runner) }
    guard commit([], in: loop, &isMaintained) else { return false }
    guard items.isEmpty, !isMaintained else { return true }
    return maintain(loop, &isMaintained)
  }

  private func maintain(_ loop: Loop, _ isMaintained: inout Bool) -> Bool {
    do throws(StoreError) {
      isMaintained = try !loop.engine.maintain()
      return true
    } catch {
      isMaintained = true
      guard case .fatal(let message) = error else { return true }
      loop.callbacks.onFatal(message)
      return false
    }
  }

  private func start(_ job: Int64, request: JobRequest, runner: any ActionRunner) {
    runner.run(request) { [self] outcome in
      let item = Item(
        work: { engine in
          engine.finish(job, outcome)
          return { _ in }
        }, refuse: { _ in })
      // A result that comes too late is lost; the next start finds the job in the store.
      _ = enqueue(item, isInternal: true)
    }
  }

  private func dequeue() -> (items: [Item], isClosed: Bool) {
    queue.withLock { queue in
      let taken = Array(queue.items.prefix(EngineThread.maximumBatch))
      queue.items.removeFirst(taken.count)
      return (taken, queue.isClosed)
    }
  }

  /// Commits, replies, publishes.
  /// - Returns: False when the store is lost.
  private func commit(_ replies: [Reply], in loop: Loop, _ isMaintained: inout Bool) -> Bool {
    do throws(StoreError) {
      let start = DispatchTime.now().uptimeNanoseconds
      let entries = try loop.engine.commit()
      if !entries.isEmpty {
        loop.callbacks.onCommitDuration(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
      }
      publish(loop)
      for reply in replies { reply(nil) }
      if !entries.isEmpty {
        isMaintained = false
        loop.callbacks.onCommit(entries)
      }
      return true
    } catch {
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
    for warning in loop.engine.takeWarnings() { loop.callbacks.onWarning(warning) }
  }

  /// Refuses all further requests, and those that wait.
  private func close() {
    let left = queue.withLock { queue in
      queue.isClosed = true
      defer { queue.items = [] }
      return queue.items
    }
    for item in left { item.refuse(.storeUnavailable("the store is lost; the process has to start again")) }
  }

  /// Sleeps until a request comes in or something is due.
  private func wait(_ engine: Engine, isMaintained: Bool) {
    let mustWait = queue.withLock { queue in
      queue.isWaiting = queue.items.isEmpty && !queue.isClosed
      return queue.isWaiting
    }
    guard mustWait else { return }
    var milliseconds = engine.nextDue.map { min(max($0 - engine.now, 0), 60_000) } ?? 60_000
    if !isMaintained { milliseconds = min(milliseconds, EngineThread.idleMilliseconds) }
    _ = wake.wait(timeout: .now() + .milliseconds(Int(milliseconds)))
    queue.withLock { $0.isWaiting = false }
  }
}
