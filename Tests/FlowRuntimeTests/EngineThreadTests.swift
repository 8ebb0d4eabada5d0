import FlowJSON
import FlowMachine
import FlowRuntime
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// The thread of the engine: batches, backpressure and shutdown.
@Suite("Engine thread") struct EngineThreadTests {
  /// A runner that completes each job immediately.
  private struct Echo: ActionRunner {
    func run(_ request: JobRequest, finish: @escaping @Sendable (JobOutcome) -> Void) { finish(.done("paid")) }
  }

  /// Records the arguments of the callbacks.
  private final class CallbackRecorder: Sendable {
    let entries = Mutex<[JournalEntry]>([])
    let failures = Mutex<[String]>([])
    var callbacks: EngineThread.Callbacks {
      EngineThread.Callbacks(
        onCommit: { new in self.entries.withLock { $0 += new } },
        onFatal: { message in self.failures.withLock { $0.append(message) } })
    }
  }

  private func start(
    _ thread: EngineThread, _ recorder: CallbackRecorder, world: ManualWorld = ManualWorld(),
    _ prepare: @escaping @Sendable (MemoryStore) -> Void = { _ in }
  ) throws {
    let machine = try TestEngine.machine.get()
    try thread.start(runner: Echo(), callbacks: recorder.callbacks) { () throws(EngineError) in
      let store = MemoryStore()
      let engine = try Engine(machine: machine, store: store, world: world)
      prepare(store)
      return engine
    }
  }

  private func send(_ thread: EngineThread, _ event: String, _ id: String) async -> Result<EventAnswer, EngineProblem> {
    await withCheckedContinuation { continuation in
      thread.submit(EventCommand(event: event, payload: ["id": .string(id)])) { continuation.resume(returning: $0) }
    }
  }

  @Test("concurrent events are committed in batches and answered in order") func batching() async throws {
    let thread = EngineThread()
    let recorder = CallbackRecorder()
    let commits = Mutex(0)
    try start(thread, recorder) { $0.beforeCommit = { commits.withLock { $0 += 1 } } }
    _ = await send(thread, "Begin", "t1")
    let revisions = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<400 { group.addTask { (try? await send(thread, "Poke", "t1").get().revision) ?? 0 } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(revisions.sorted() == Array(2...401))
    #expect(commits.withLock { $0 } < 400, "concurrent events share commits")
    thread.shutdown()
    #expect(recorder.entries.withLock { $0.map(\.sequence) } == Array(1...401))
  }

  @Test("the result of a job advances its instance") func completedJob() async throws {
    let thread = EngineThread()
    let recorder = CallbackRecorder()
    try start(thread, recorder)
    _ = await send(thread, "Begin", "t1")
    _ = await send(thread, "Go", "t1")
    let isDone = { recorder.entries.withLock { $0.last?.body["to"] == ["carving"] } }
    #expect(eventually(isDone))
    thread.shutdown()
    guard case .failure(.shuttingDown) = await send(thread, "Poke", "t1") else { return #expect(Bool(false)) }
    thread.shutdown()
  }

  @Test("events beyond the limit of the queue are rejected as overloaded") func backpressure() throws {
    let thread = EngineThread()
    let gate = DispatchSemaphore(value: 0)
    let isHeldUp = DispatchSemaphore(value: 0)
    try start(thread, CallbackRecorder()) { store in
      store.beforeCommit = {
        isHeldUp.signal()
        gate.wait()
      }
    }
    let answered = Mutex(0)
    let overloaded = Mutex(0)
    let count = { @Sendable (result: Result<EventAnswer, EngineProblem>) in
      answered.withLock { $0 += 1 }
      if case .failure(.overloaded) = result { overloaded.withLock { $0 += 1 } }
    }
    thread.submit(EventCommand(event: "Begin", payload: ["id": "t1"])) { count($0) }
    isHeldUp.wait()
    for _ in 0..<(EngineThread.maximumWaiting + 5) {
      thread.submit(EventCommand(event: "Poke", payload: ["id": "none"])) { count($0) }
    }
    #expect(overloaded.withLock { $0 } == 5)
    gate.signal()
    thread.shutdown()
    #expect(answered.withLock { $0 } == EngineThread.maximumWaiting + 6)
  }

  @Test("a fatal error of the store stops the engine") func fatalStore() async throws {
    let thread = EngineThread()
    let recorder = CallbackRecorder()
    try start(thread, recorder) { $0.nextCommitFails = .fatal("fsync") }
    guard case .failure(.storeUnavailable) = await send(thread, "Begin", "t1") else { return #expect(Bool(false)) }
    thread.shutdown()
    #expect(recorder.failures.withLock { $0 } == ["fsync"])
    guard case .failure(.shuttingDown) = await send(thread, "Begin", "t1") else { return #expect(Bool(false)) }
  }

  @Test("the engine recovers after a failed commit") func unavailableStore() async throws {
    let thread = EngineThread()
    try start(thread, CallbackRecorder()) { $0.nextCommitFails = .unavailable("full") }
    // Read within the answer: the thread waits for it, and later retries by itself.
    let (result, reason) = await withCheckedContinuation { continuation in
      thread.submit(EventCommand(event: "Begin", payload: ["id": "t1"])) { result in
        continuation.resume(returning: (result, thread.commitFailure))
      }
    }
    guard case .failure(.storeUnavailable("full")) = result else { return #expect(Bool(false)) }
    #expect(reason == "full")
    #expect(try await send(thread, "Begin", "t1").get().sequence == 1)
    #expect(thread.commitFailure == nil)
    thread.shutdown()
  }

  @Test("a waiting claim is answered when a job arrives, or without jobs at its timeout")
  func waitingClaim() async throws {
    let thread = EngineThread()
    let world = ManualWorld()
    try start(thread, CallbackRecorder(), world: world)
    var request = ClaimRequest(queue: "hands", limit: 1, leaseMilliseconds: 5000)
    request.waitMilliseconds = 10_000
    let answers = Mutex<[Int?]>([])
    let claim = { @Sendable [request] in
      thread.claim(request) { result in answers.withLock { $0.append(try? result.get().count) } }
    }
    let hasAnswers = { @Sendable (count: Int) in
      eventually { answers.withLock { $0.count } >= count } && answers.withLock { $0.count } == count
    }
    claim()
    _ = await send(thread, "Begin", "t1")
    #expect(answers.withLock { $0 } == [], "there is no job")
    _ = await send(thread, "Go", "t1")
    #expect(hasAnswers(1))
    claim()
    _ = await send(thread, "Poke", "t1")
    world.advance(10_000)
    #expect(hasAnswers(2))
    #expect(answers.withLock { $0 } == [1, 0])
    thread.shutdown()
  }

  @Test("a clock that is set forward is noticed while the thread sleeps")
  func aClockThatIsSetForwardIsNoticed() async throws {
    let thread = EngineThread()
    let recorder = CallbackRecorder()
    let world = ManualWorld()
    try start(thread, recorder, world: world)
    _ = try await send(thread, "Begin", "t1").get()
    let isExpired = { recorder.entries.withLock { $0.contains { $0.body["to"] == ["expired"] } } }
    // The timer is due in an hour, and the thread sleeps.
    usleep(300_000)
    #expect(!isExpired())
    world.advance(3_600_000)
    #expect(eventually(isExpired))
    thread.shutdown()
  }

  @Test("an error at the start is thrown to the caller") func failedStart() throws {
    let thread = EngineThread()
    #expect(throws: EngineError(message: "no")) {
      try thread.start(runner: Echo(), callbacks: CallbackRecorder().callbacks) { () throws(EngineError) in
        throw EngineError(message: "no")
      }
    }
  }
}
