import FlowActions
import FlowIR
import FlowRuntime
import Foundation
import Synchronization
import Testing

@testable import FlowBrokers

/// A reader with a broker and an engine that the test controls.
@Suite("Readers of queues") struct QueueReaderTests {
  private static let subscription = QueueSubscription(queue: .init(broker: .redis, name: "orders"), event: "Order")

  /// A broker in memory, shared by the connections of a reader.
  private final class FakeBroker: Sendable {
    struct State {
      var waiting: [String] = []
      var unsettled: [String] = []
      var acknowledged: [String] = []
      var refused: [String] = []
      var connections = 0
      /// The number of the next calls that fail.
      var failures = 0
    }
    let state: Mutex<State>

    init(_ messages: [String]) { state = Mutex(State(waiting: messages)) }
  }

  private final class FakeConnection: QueueConnection {
    let broker: FakeBroker

    init(_ broker: FakeBroker) {
      self.broker = broker
      broker.state.withLock { state in
        state.connections += 1
        state.waiting = state.unsettled + state.waiting
        state.unsettled = []
      }
    }

    private func fail() throws(BrokerProblem) {
      let mustFail = broker.state.withLock { state in
        guard state.failures > 0 else { return false }
        state.failures -= 1
        return true
      }
      if mustFail { throw BrokerProblem(message: "cut off") }
    }

    func receive(milliseconds: Int) throws(BrokerProblem) -> [ReceivedMessage] {
      let names = broker.state.withLock { state in
        let taken = Array(state.waiting.prefix(3))
        state.waiting.removeFirst(taken.count)
        state.unsettled += taken
        return taken
      }
      if names.isEmpty { usleep(1000) }
      return names.map { ReceivedMessage(receipt: .entry($0), identifier: $0, body: Array($0.utf8)) }
    }

    func settle(_ messages: [SettledMessage]) throws(BrokerProblem) {
      try fail()
      broker.state.withLock { state in
        for message in messages {
          guard case .entry(let name) = message.receipt else { continue }
          if message.isRefused { state.refused.append(name) } else { state.acknowledged.append(name) }
          state.unsettled.removeAll { $0 == name }
        }
      }
    }

    func close() {}

    func lag() throws(BrokerProblem) -> Int? { broker.state.withLock { $0.waiting.count } }
  }

  /// The events that the engine has accepted, in their order, and the outcomes that it gives.
  private final class FakeEngine: Sendable {
    let accepted = Mutex<[String]>([])
    let reports = Mutex<[QueueReport]>([])
    let outcome: @Sendable (String, _ attempt: Int) -> MessageOutcome
    private let attempts = Mutex<[String: Int]>([:])

    init(_ outcome: @escaping @Sendable (String, Int) -> MessageOutcome) { self.outcome = outcome }

    func submit(_ messages: [BrokerMessage]) -> [MessageOutcome] {
      var outcomes: [MessageOutcome] = []
      for message in messages {
        let name = message.identifier ?? ""
        if case .postponed? = outcomes.last {
          outcomes.append(.postponed(message: "full"))
          continue
        }
        let attempt = attempts.withLock { attempts in
          attempts[name, default: 0] += 1
          return attempts[name] ?? 0
        }
        let outcome = outcome(name, attempt)
        if case .accepted(false) = outcome { accepted.withLock { $0.append(name) } }
        outcomes.append(outcome)
      }
      return outcomes
    }
  }

  private func reader(_ broker: FakeBroker, _ engine: FakeEngine) -> QueueReader {
    QueueReader(
      QueueReaderTests.subscription,
      in: QueueReader.Environment(
        connect: { () throws(BrokerProblem) in FakeConnection(broker) },
        submit: { messages, completion in completion(engine.submit(messages)) },
        report: { report in engine.reports.withLock { $0.append(report) } }))
  }

  private func run(_ broker: FakeBroker, _ engine: FakeEngine, until isDone: () -> Bool) {
    let reader = reader(broker, engine)
    reader.start()
    let end = Date().addingTimeInterval(20)
    while !isDone(), Date() < end { usleep(2000) }
    reader.stop()
    reader.waitForEnd(seconds: 5)
  }

  @Test("messages are delivered in their order and settled when they are committed") func order() {
    let names = (0..<20).map { "m\($0)" }
    let broker = FakeBroker(names)
    let engine = FakeEngine { name, _ in
      name == "m7" ? .refused(code: "invalid-json", message: "no") : .accepted(isReplayed: false)
    }
    run(broker, engine) { broker.state.withLock { $0.acknowledged.count } == 19 }
    #expect(engine.accepted.withLock { $0 } == names.filter { $0 != "m7" })
    #expect(broker.state.withLock { $0.refused } == ["m7"])
    #expect(broker.state.withLock { $0.unsettled.isEmpty })
  }

  @Test("a message that can't be accepted at the moment is tried again, and none overtakes it") func postponed() {
    let names = (0..<6).map { "m\($0)" }
    let broker = FakeBroker(names)
    let engine = FakeEngine { name, attempt in
      name == "m1" && attempt < 3 ? .postponed(message: "full") : .accepted(isReplayed: false)
    }
    run(broker, engine) { broker.state.withLock { $0.acknowledged.count } == 6 }
    #expect(engine.accepted.withLock { $0 } == names)
    #expect(engine.reports.withLock { $0.contains(.postponed("full")) })
  }

  @Test("what was not settled when a connection broke is delivered again") func lostConnection() {
    let broker = FakeBroker(["m0", "m1", "m2", "m3"])
    broker.state.withLock { $0.failures = 1 }
    let engine = FakeEngine { _, attempt in .accepted(isReplayed: attempt > 1) }
    run(broker, engine) { broker.state.withLock { $0.acknowledged.count } == 4 }
    #expect(engine.accepted.withLock { $0 } == ["m0", "m1", "m2", "m3"])
    #expect(broker.state.withLock { $0.connections } == 2)
    #expect(engine.reports.withLock { $0.contains(.disconnected("cut off")) })
  }

  @Test("a reader that stops leaves messages that are not committed to the broker") func stop() {
    let broker = FakeBroker(["m0", "m1", "m2"])
    let engine = FakeEngine { name, _ in
      name == "m0" ? .accepted(isReplayed: false) : .postponed(message: "draining")
    }
    run(broker, engine) { broker.state.withLock { !$0.acknowledged.isEmpty } }
    #expect(broker.state.withLock { $0.acknowledged } == ["m0"])
    #expect(broker.state.withLock { $0.unsettled } == ["m1", "m2"])
  }

  @Test("waits grow up to their limit, and are random") func backoff() {
    var backoff = Backoff(longest: 3)
    #expect((0..<5).map { _ in backoff.next(random: 0) } == [0.25, 0.5, 1, 1.5, 1.5])
    backoff.reset()
    #expect(backoff.next(random: 0.5) == 0.375)
  }
}
