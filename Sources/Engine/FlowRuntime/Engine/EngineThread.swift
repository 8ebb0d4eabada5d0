import Dispatch
import Foundation
import Synchronization

/// Runs an engine on a thread of its own: gathers what comes in, commits it as one batch, and only then answers.
///
/// While one batch is on its way to the disk the next one gathers, so that the load itself sets the size of a batch.
public final class EngineThread: Sendable {
  /// How much may wait; what comes beyond is told to come later.
  public static let maximumWaiting = 20_000
  /// How much one batch takes.
  public static let maximumBatch = 1024

  /// Who is told of what, on the engine's thread.
  public struct Hooks: Sendable {
    /// After each commit, in commit order.
    public var committed: @Sendable ([JournalEntry]) -> Void
    /// When the store has lost its footing: the process has to stop.
    public var failed: @Sendable (String) -> Void
    /// What an operator should hear.
    public var noticed: @Sendable (String) -> Void
    /// How long a commit took that wrote something, in seconds.
    public var timed: @Sendable (Double) -> Void = { _ in }

    public init(
      committed: @escaping @Sendable ([JournalEntry]) -> Void, failed: @escaping @Sendable (String) -> Void,
      noticed: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      self.committed = committed
      self.failed = failed
      self.noticed = noticed
    }
  }

  /// How long the engine leaves a store alone that could not commit, in seconds.
  static let pauseAfterFailure = 0.1
  /// How long nothing has to happen before the store is tidied, in milliseconds.
  static let idleMilliseconds: Int64 = 200

  /// Something to do for the engine.
  struct Item: Sendable {
    var work: @Sendable (Engine) -> Answer
    /// Tells the caller that it will not be done.
    var refuse: @Sendable (EngineProblem) -> Void
  }

  /// Tells the caller, with whether the batch is on the disk.
  typealias Answer = @Sendable (StoreError?) -> Void

  private struct Queue {
    var items: [Item] = []
    var isClosed = false
    /// Whether the thread sleeps, and has to be woken.
    var isWaiting = false
  }

  private let queue = Mutex(Queue())
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)
  private let served = Mutex(Catalogue())

  public init() {}

  /// The flows that are served, as of the last commit.
  public var catalogue: Catalogue { served.withLock { $0 } }

  /// Starts the thread. The engine is made on it, so that nobody else ever holds it.
  /// - Throws: What making the engine throws.
  public func start(
    runner: any ActionRunner, hooks: Hooks, _ makeEngine: @escaping @Sendable () throws(EngineError) -> Engine
  ) throws(EngineError) {
    let started = DispatchSemaphore(value: 0)
    let failure = Mutex<EngineError?>(nil)
    let thread = Thread { [self] in
      do throws(EngineError) {
        let engine = try makeEngine()
        served.withLock { $0 = engine.catalogue }
        started.signal()
        run(engine, runner, hooks)
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

  /// Takes no more, finishes what waits, and ends the thread.
  public func shutdown() {
    queue.withLock { $0.isClosed = true }
    wake.signal()
    ended.wait()
    // Whoever asks again is not left waiting.
    ended.signal()
  }

  // MARK: - Asking

  /// Takes an event; the answer comes when it is on the disk.
  public func submit(
    _ command: EventCommand, completion: @escaping @Sendable (Result<EventAnswer, EngineProblem>) -> Void
  ) {
    ask({ $0.take(command) }, completion)
  }

  /// Leases jobs of a queue to an outside worker.
  public func claim(
    queue: String, limit: Int, leaseMilliseconds: Int64,
    completion: @escaping @Sendable (Result<[ClaimedJob], EngineProblem>) -> Void
  ) {
    ask({ $0.claim(queue: queue, limit: limit, leaseMilliseconds: leaseMilliseconds) }, completion)
  }

  /// Ends a job that a worker holds.
  public func finish(
    _ job: Int64, fence: Int, _ outcome: JobOutcome,
    completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    ask({ $0.finish(job, fence: fence, outcome) }, completion)
  }

  /// Makes a worker's lease longer.
  public func heartbeat(
    _ job: Int64, fence: Int, leaseMilliseconds: Int64,
    completion: @escaping @Sendable (Result<Int64, EngineProblem>) -> Void
  ) {
    ask({ $0.heartbeat(job, fence: fence, leaseMilliseconds: leaseMilliseconds) }, completion)
  }

  /// Tells when the engine has come round to it: that it is alive.
  public func ping(completion: @escaping @Sendable () -> Void) {
    ask({ _ in Result<Void, EngineProblem>.success(()) }, { _ in completion() })
  }

  func ask<Success: Sendable>(
    _ work: @escaping @Sendable (Engine) -> Result<Success, EngineProblem>,
    _ completion: @escaping @Sendable (Result<Success, EngineProblem>) -> Void
  ) {
    let item = Item(
      work: { engine in
        let result = work(engine)
        return { error in completion(error.map { .failure(.storeUnavailable($0.message)) } ?? result) }
      },
      refuse: { completion(.failure($0)) })
    if let problem = enqueue(item) { completion(.failure(problem)) }
  }

  /// - Returns: Why it could not be taken.
  private func enqueue(_ item: Item, isOwn: Bool = false) -> EngineProblem? {
    let (problem, mustWake) = queue.withLock { queue -> (EngineProblem?, Bool) in
      if queue.isClosed { return (.shuttingDown, false) }
      // Results of jobs always find room, or the system could not drain itself.
      if !isOwn, queue.items.count >= EngineThread.maximumWaiting { return (.overloaded, false) }
      queue.items.append(item)
      defer { queue.isWaiting = false }
      return (nil, queue.isWaiting)
    }
    if mustWake { wake.signal() }
    return problem
  }

  // MARK: - The loop

  private func run(_ engine: Engine, _ runner: any ActionRunner, _ hooks: Hooks) {
    var isTidy = false
    while true {
      let (items, isClosed) = takeItems()
      if items.isEmpty, isClosed { return }
      if !turn(engine, items, runner, hooks, &isTidy) { return close() }
      wait(engine, isTidy: isTidy)
    }
  }

  /// One batch: what has come in and what is due; then jobs go out, and those that end at once are a batch, too.
  /// - Returns: False when the store is lost.
  private func turn(
    _ engine: Engine, _ items: [Item], _ runner: any ActionRunner, _ hooks: Hooks, _ isTidy: inout Bool
  ) -> Bool {
    let answers = items.map { $0.work(engine) }
    engine.fireTimers()
    engine.fireSchedules()
    guard settle(engine, answers, hooks, &isTidy) else { return false }
    for (job, request) in engine.dispatch() { begin(job, request, runner) }
    guard settle(engine, [], hooks, &isTidy) else { return false }
    guard items.isEmpty, !isTidy else { return true }
    return maintain(engine, hooks, &isTidy)
  }

  private func maintain(_ engine: Engine, _ hooks: Hooks, _ isTidy: inout Bool) -> Bool {
    do throws(StoreError) {
      isTidy = try !engine.maintain()
      return true
    } catch {
      isTidy = true
      guard case .fatal(let message) = error else { return true }
      hooks.failed(message)
      return false
    }
  }

  private func begin(_ job: Int64, _ request: JobRequest, _ runner: any ActionRunner) {
    runner.run(request) { [self] outcome in
      let item = Item(
        work: { engine in
          engine.finish(job, outcome)
          return { _ in }
        }, refuse: { _ in })
      // One that comes too late is found again in the store at the next start.
      _ = enqueue(item, isOwn: true)
    }
  }

  private func takeItems() -> (items: [Item], isClosed: Bool) {
    queue.withLock { queue in
      let taken = Array(queue.items.prefix(EngineThread.maximumBatch))
      queue.items.removeFirst(taken.count)
      return (taken, queue.isClosed)
    }
  }

  /// Commits, answers, publishes.
  /// - Returns: False when the store is lost.
  private func settle(_ engine: Engine, _ answers: [Answer], _ hooks: Hooks, _ isTidy: inout Bool) -> Bool {
    do throws(StoreError) {
      let start = DispatchTime.now().uptimeNanoseconds
      let entries = try engine.commit()
      if !entries.isEmpty { hooks.timed(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9) }
      publish(engine, hooks)
      for answer in answers { answer(nil) }
      if !entries.isEmpty {
        isTidy = false
        hooks.committed(entries)
      }
      return true
    } catch {
      for answer in answers { answer(error) }
      if case .fatal(let message) = error {
        hooks.failed(message)
        return false
      }
      Thread.sleep(forTimeInterval: EngineThread.pauseAfterFailure)
      return true
    }
  }

  /// Lets others see what is served, and hear what nobody else was told.
  private func publish(_ engine: Engine, _ hooks: Hooks) {
    served.withLock { served in
      if served.generation != engine.catalogue.generation { served = engine.catalogue }
    }
    for notice in engine.takeNotices() { hooks.noticed(notice) }
  }

  /// Takes no more, and tells those who wait that nothing will come of it.
  private func close() {
    let left = queue.withLock { queue in
      queue.isClosed = true
      defer { queue.items = [] }
      return queue.items
    }
    for item in left { item.refuse(.storeUnavailable("the store is lost; the process has to start again")) }
  }

  /// Sleeps until something comes in or is due.
  private func wait(_ engine: Engine, isTidy: Bool) {
    let mustWait = queue.withLock { queue in
      queue.isWaiting = queue.items.isEmpty && !queue.isClosed
      return queue.isWaiting
    }
    guard mustWait else { return }
    var milliseconds = engine.nextDue.map { min(max($0 - engine.now, 0), 60_000) } ?? 60_000
    if !isTidy { milliseconds = min(milliseconds, EngineThread.idleMilliseconds) }
    _ = wake.wait(timeout: .now() + .milliseconds(Int(milliseconds)))
    queue.withLock { $0.isWaiting = false }
  }
}
