public import FlowServer
import Foundation
import Synchronization

/// Follows the journal on a node that does not own the store, for the subscribers of its live stream: with one request
/// at a time to the owner, and through the database while no owner answers.
public final class JournalFollower: Sendable {
  /// The interval at which the database is asked without an owner, in milliseconds.
  private static let pollMilliseconds = 250
  /// The pause between two requests while this node has no subscriber, in milliseconds.
  private static let idleMilliseconds = 50
  /// The time to wait for a response of the owner, in seconds.
  private static let responseSeconds = 1 + StandbyReader.waitMilliseconds / 1000

  private let reader: StandbyReader
  private let secret: [UInt8]
  private let owner: @Sendable () -> String?
  private let isStopped = Atomic(false)
  private let wake = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - reader: Passes the entries on.
  ///   - secret: The secret of the nodes.
  ///   - owner: Returns the URL of the owner; nil while none is known.
  public init(_ reader: StandbyReader, secret: [UInt8], owner: @escaping @Sendable () -> String?) {
    self.reader = reader
    self.secret = secret
    self.owner = owner
  }

  /// Starts the thread.
  public func start() {
    let thread = Thread { [self] in run() }
    thread.name = "flow-follow"
    thread.start()
  }

  /// Ends the thread after its present request.
  public func stop() {
    isStopped.store(true, ordering: .releasing)
    wake.signal()
  }

  private func run() {
    var connection = OwnerConnection(secret: secret)
    while !isStopped.load(ordering: .acquiring) {
      if let owner = owner(), follow(owner, &connection) {
        if !reader.hasSubscribers { _ = wake.wait(timeout: .now() + .milliseconds(JournalFollower.idleMilliseconds)) }
        continue
      }
      // The next attempt to reach an owner follows the same pause.
      try? reader.poll()
      _ = wake.wait(timeout: .now() + .milliseconds(JournalFollower.pollMilliseconds))
    }
  }

  /// - Returns: False when the owner has not answered, or the database could not be read.
  private func follow(_ owner: String, _ connection: inout OwnerConnection) -> Bool {
    let response = connection.send(
      "GET", to: reader.nextRequest, at: owner, seconds: JournalFollower.responseSeconds)
    guard let response else { return false }
    return (try? reader.receive(response)) ?? false
  }
}
