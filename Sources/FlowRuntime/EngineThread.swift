import Dispatch
import Foundation
import FlowSource
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

    public init(
      committed: @escaping @Sendable ([JournalEntry]) -> Void, failed: @escaping @Sendable (String) -> Void
    ) {
      self.committed = committed
      self.failed = failed
    }
  }

  typealias Item = @Sendable (Engine) -> Answer
  /// Tells the caller, with whether the batch is on the disk.
  typealias Answer = @Sendable (StoreError?) -> Void

  private struct Queue {
    var items: [Item] = []
    var isClosed = false
  }

  private let queue = Mutex(Queue())
  private let wake = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  public init() {}

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

  private func ask<Success: Sendable>(
    _ work: @escaping @Sendable (Engine) -> Result<Success, EngineProblem>,
    _ completion: @escaping @Sendable (Result<Success, EngineProblem>) -> Void
  ) {
    let problem = enqueue { engine in
      let result = work(engine)
      return { error in completion(error.map { .failure(.storeUnavailable($0.message)) } ?? result) }
    }
    if let problem { completion(.failure(problem)) }
  }

  /// - Returns: Why it could not be taken.
  private func enqueue(isOwn: Bool = false, _ item: @escaping Item) -> EngineProblem? {
    let (problem, isFirst) = queue.withLock { queue -> (EngineProblem?, Bool) in
      if queue.isClosed { return (.shuttingDown, false) }
      // Results of jobs always find room, or the system could not drain itself.
      if !isOwn, queue.items.count >= EngineThread.maximumWaiting { return (.overloaded, false) }
      queue.items.append(item)
      return (nil, queue.items.count == 1)
    }
    if isFirst { wake.signal() }
    return problem
  }

  // MARK: - The loop

  private func run(_ engine: Engine, _ runner: any ActionRunner, _ hooks: Hooks) {
    while true {
      let (items, isClosed) = takeItems()
      if items.isEmpty, isClosed { return }
      let answers = items.map { $0(engine) }
      engine.fireTimers()
      guard settle(engine, answers, hooks) else { return }
      for (job, request) in engine.dispatch() {
        runner.run(request) { [self] outcome in
          _ = enqueue(isOwn: true) { engine in
            engine.finish(job, outcome)
            return { _ in }
          }
        }
      }
      // A job that could not even begin has ended within `dispatch`.
      guard settle(engine, [], hooks) else { return }
      if items.isEmpty { engine.maintain() }
      wait(engine)
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
  private func settle(_ engine: Engine, _ answers: [Answer], _ hooks: Hooks) -> Bool {
    do throws(StoreError) {
      let entries = try engine.commit()
      for answer in answers { answer(nil) }
      if !entries.isEmpty { hooks.committed(entries) }
      return true
    } catch {
      for answer in answers { answer(error) }
      guard case .fatal(let message) = error else { return true }
      hooks.failed(message)
      return false
    }
  }

  /// Sleeps until something comes in or is due.
  private func wait(_ engine: Engine) {
    if queue.withLock({ !$0.items.isEmpty || $0.isClosed }) { return }
    let milliseconds = engine.nextDue.map { min(max($0 - engine.now, 0), 60_000) } ?? 60_000
    _ = wake.wait(timeout: .now() + .milliseconds(Int(milliseconds)))
  }
}
