import FlowActions
import FlowJSON
import FlowRuntime
import FlowServer
import Foundation
import Synchronization

/// Publishes a part of the journal on its own thread: each entry at least once, in their order, from a position that
/// is stored after the broker has confirmed what is before it.
final class Publisher: Sendable {
  /// The interval at which the journal is read while it does not grow, in seconds.
  static let idleSeconds = 0.1
  /// The interval at which a position is stored that has passed entries of others only, in nanoseconds.
  static let savingInterval: UInt64 = 1_000_000_000
  /// The longest wait before the next connection, in seconds.
  static let longestPause = 30.0

  /// The outside world of a publisher.
  struct Environment: Sendable {
    var makeFeed: @Sendable () throws(StoreError) -> JournalFeed
    var connect: @Sendable () throws(BrokerProblem) -> any PublicationConnection
    /// Stores a position, and reports whether that succeeded.
    var save: @Sendable (Int64, @escaping @Sendable (Bool) -> Void) -> Void
  }

  private let publication: Publication
  private let environment: Environment
  private let metrics: QueueMetrics
  private let log: Log
  private let thread = StoppableThread()

  init(_ publication: Publication, in environment: Environment, metrics: QueueMetrics, log: Log) {
    self.publication = publication
    self.environment = environment
    self.metrics = metrics
    self.log = log
  }

  func start() { thread.start(name: "flow-publish") { [self] in main() } }

  /// Asks the thread to end after the entries that it publishes.
  func stop() { thread.stop() }

  /// Returns when the thread has ended, or after a time: what is not stored as published is published again.
  func waitForEnd(seconds: Double) { thread.waitForEnd(seconds: seconds) }

  // MARK: - On the thread

  private func main() {
    var backoff = Backoff(longest: Publisher.longestPause)
    var reported: String?
    while !thread.mustStop {
      do throws(PublisherProblem) {
        try run(&backoff, reported: &reported)
      } catch {
        metrics.setPublishing(false, by: publication.name)
        if reported != error.message {
          write(.warn, "publication interrupted", fields: [.init("err", .string(error.message))])
        }
        reported = error.message
        thread.pause(seconds: backoff.next(random: .random(in: 0..<1)))
      }
    }
    metrics.setPublishing(false, by: publication.name)
  }

  private func run(_ backoff: inout Backoff, reported: inout String?) throws(PublisherProblem) {
    let feed = try read { () throws(StoreError) in try environment.makeFeed() }
    var position = try start(feed)
    let connection = try reach { () throws(BrokerProblem) in try environment.connect() }
    metrics.setPublishing(true, by: publication.name)
    write(.info, "publication connected", fields: [.init("offset", .int(position))])
    var saved = position
    var savedAt = DispatchTime.now().uptimeNanoseconds
    while !thread.mustStop {
      let page = try read { () throws(StoreError) in try feed.page(after: position) }
      if page.hasGap {
        write(.warn, "entries were archived before they were published", fields: [.init("offset", .int(position))])
      }
      if !page.items.isEmpty {
        let messages = page.items.map { publication.message(for: $0) }
        try reach { () throws(BrokerProblem) in try connection.publish(messages) }
        metrics.recordPublished(messages.count, by: publication.name)
        backoff.reset()
        reported = nil
      }
      position = page.end
      metrics.setUnpublished(Int(max(page.newest - position, 0)), by: publication.name)
      let now = DispatchTime.now().uptimeNanoseconds
      if position != saved, !page.items.isEmpty || now - savedAt >= Publisher.savingInterval {
        try save(position)
        (saved, savedAt) = (position, now)
      }
      if position >= page.newest { thread.pause(seconds: Publisher.idleSeconds) }
    }
    if position != saved { try save(position) }
  }

  /// The stored position. A new publication begins after the newest entry.
  private func start(_ feed: JournalFeed) throws(PublisherProblem) -> Int64 {
    if let stored = try read({ () throws(StoreError) in try feed.position(of: publication.name) }) { return stored }
    let newest = try read { () throws(StoreError) in try feed.newest() }
    try save(newest)
    return newest
  }

  private func save(_ position: Int64) throws(PublisherProblem) {
    let done = DispatchSemaphore(value: 0)
    let result = SavingResult()
    environment.save(position) { isSaved in
      result.isSaved.store(isSaved, ordering: .releasing)
      done.signal()
    }
    done.wait()
    guard result.isSaved.load(ordering: .acquiring) else {
      throw PublisherProblem(message: "the position could not be stored")
    }
  }

  private func read<Answer>(_ body: () throws(StoreError) -> Answer) throws(PublisherProblem) -> Answer {
    do throws(StoreError) {
      return try body()
    } catch {
      throw PublisherProblem(message: error.message)
    }
  }

  private func reach<Answer>(_ body: () throws(BrokerProblem) -> Answer) throws(PublisherProblem) -> Answer {
    do throws(BrokerProblem) {
      return try body()
    } catch {
      throw PublisherProblem(message: error.message)
    }
  }

  private func write(_ level: Log.Level, _ message: String, fields: [JSON.Member]) {
    log.write(level, message, fields: [.init("publication", .string(publication.name))] + fields)
  }
}

/// The result of storing a position, from another thread.
private final class SavingResult: Sendable {
  let isSaved = Atomic<Bool>(false)
}

/// The reason why a publication is interrupted.
private struct PublisherProblem: Error {
  var message: String
}
