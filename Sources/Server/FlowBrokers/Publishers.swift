import FlowActions
public import FlowRuntime
public import FlowServer

/// The publications of a server. Only the owner of a store has them.
public final class Publishers: Sendable {
  /// The time in which publishers store their last positions when they stop, in seconds.
  static let stopSeconds = 10.0

  private let publishers: [Publisher]

  /// - Parameter makeQueries: Opens a connection to the store; each publication has one of its own.
  public init(
    _ publications: [Publication], engine: EngineThread, redaction: Redaction, metrics: Metrics, log: Log,
    makeQueries: @escaping @Sendable () throws(StoreError) -> any Queries
  ) {
    publishers = publications.map { publication in
      Publisher(
        publication,
        in: Publisher.Environment(
          makeFeed: { () throws(StoreError) in
            try JournalFeed(publication.filter, queries: try makeQueries(), redaction: redaction)
          },
          connect: { () throws(BrokerProblem) in
            try PublicationConnections.open(publication.target, url: publication.url)
          },
          save: { position, completion in
            engine.write(cursor: publication.name, at: position) { result in
              if case .success = result { completion(true) } else { completion(false) }
            }
          }), metrics: metrics.queues, log: log)
    }
  }

  /// Begins to publish.
  public func start() { for publisher in publishers { publisher.start() } }

  /// Ends publishing; entries that are with a broker are confirmed first.
  public func stop() {
    for publisher in publishers { publisher.stop() }
    for publisher in publishers { publisher.waitForEnd(seconds: Publishers.stopSeconds) }
  }
}
