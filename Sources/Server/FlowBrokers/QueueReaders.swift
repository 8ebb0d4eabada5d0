import FlowActions
public import FlowIR
import FlowJSON
public import FlowRuntime
public import FlowServer
import Foundation

/// Reads the queues of the served programs, also of those that are deployed later. Only the owner of a store has one.
public final class QueueReaders: Sendable {
  /// The interval at which deployments are noticed, in seconds.
  static let checkSeconds = 1.0
  /// The time in which readers settle their last messages when they stop, in seconds.
  static let stopSeconds = 10.0

  /// The brokers, and the names under which they know this server.
  public struct Settings: Sendable {
    /// The URLs of the brokers.
    public var urls: [BrokerQueue.Broker: String]
    /// The name of the group of consumers in Redis. Servers with different stores that read one stream have different
    /// groups.
    public var group: String

    public init(urls: [BrokerQueue.Broker: String], group: String = "flow") {
      self.urls = urls
      self.group = group
    }
  }

  private let engine: EngineThread
  private let settings: Settings
  private let metrics: QueueMetrics
  private let log: Log
  private let thread = StoppableThread()

  public init(engine: EngineThread, settings: Settings, metrics: Metrics, log: Log) {
    self.engine = engine
    self.settings = settings
    self.metrics = metrics.queues
    self.log = log
  }

  /// Begins to read. Without a broker no program with a queue is served.
  public func start() {
    thread.start(name: "flow-queues") { [self] in if !settings.urls.isEmpty { follow() } }
  }

  /// Ends reading; messages that are with the engine are settled first.
  public func stop() {
    thread.stop()
    thread.waitForEnd()
  }

  // MARK: - On the thread

  private func follow() {
    var readers: [QueueSubscription: QueueReader] = [:]
    var generation: Int?
    while !thread.mustStop {
      let catalogue = engine.catalogue
      if generation != catalogue.generation {
        generation = catalogue.generation
        update(&readers, to: catalogue)
      }
      thread.pause(seconds: QueueReaders.checkSeconds)
    }
    stop(Array(readers.values))
  }

  private func update(_ readers: inout [QueueSubscription: QueueReader], to catalogue: Catalogue) {
    let (wanted, conflicts) = catalogue.subscriptions(known: Set(readers.keys))
    for conflict in conflicts {
      log.write(
        .warn, "a queue is read for another event",
        fields: [.init("queue", .string("\(conflict.queue)")), .init("event", .string(conflict.event))])
    }
    let old = readers.filter { !wanted.contains($0.key) }
    stop(Array(old.values))
    for subscription in old.keys { readers[subscription] = nil }
    for subscription in wanted where readers[subscription] == nil {
      let reader = makeReader(subscription)
      readers[subscription] = reader
      reader.start()
    }
  }

  private func stop(_ readers: [QueueReader]) {
    for reader in readers { reader.stop() }
    for reader in readers { reader.waitForEnd(seconds: QueueReaders.stopSeconds) }
  }

  private func makeReader(_ subscription: QueueSubscription) -> QueueReader {
    let reporter = QueueReporter(subscription, metrics: metrics, log: log)
    let (engine, settings) = (engine, settings)
    return QueueReader(
      subscription,
      in: QueueReader.Environment(
        connect: { () throws(BrokerProblem) in
          let queue = subscription.queue
          guard let url = settings.urls[queue.broker] else {
            throw BrokerProblem(message: "no broker is configured for `\(queue.broker.rawValue)`")
          }
          return try QueueConnections.open(queue, url: url, group: settings.group)
        },
        submit: { messages, completion in engine.receive(messages, completion: completion) },
        report: { reporter.report($0) }))
  }
}
