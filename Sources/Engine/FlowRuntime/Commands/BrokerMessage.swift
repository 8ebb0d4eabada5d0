public import FlowIR
public import FlowJSON

/// A message of a broker's queue, which is one event.
public struct BrokerMessage: Sendable {
  /// The largest body that is accepted, in bytes.
  public static let maximumBody = 1 << 20

  /// A body that is not the payload of an event.
  public struct Unreadable: Error, Hashable, Sendable {
    /// The code of the refusal, such as `invalid-json`.
    public var code: String
    public var message: String

    public init(code: String, message: String) {
      self.code = code
      self.message = message
    }
  }

  public var queue: BrokerQueue
  /// The name of the event.
  public var event: String
  /// The identifier that the sender or the broker gave the message; nil when it has none. It is the idempotency key.
  public var identifier: String?
  /// The payload, or the reason why the body is not one.
  public var payload: Result<JSON, Unreadable>
  /// The start of a body that is not a payload, for its dead letter.
  var text = ""

  /// The number of bytes of an unreadable body that its dead letter keeps.
  private static let keptBytes = 4096

  public init(queue: BrokerQueue, event: String, identifier: String?, body: [UInt8]) {
    self.queue = queue
    self.event = event
    self.identifier = identifier.flatMap { $0.isEmpty ? nil : $0 }
    payload = BrokerMessage.payload(body, identifier: identifier)
    if case .failure = payload { text = String(decoding: body.prefix(BrokerMessage.keptBytes), as: UTF8.self) }
  }

  private static func payload(_ body: [UInt8], identifier: String?) -> Result<JSON, Unreadable> {
    guard body.count <= maximumBody else {
      return .failure(
        Unreadable(code: "payload-too-large", message: "the body has more than \(maximumBody) bytes"))
    }
    if let identifier, identifier.utf8.count > Engine.maximumKey {
      return .failure(
        Unreadable(code: "bad-request", message: "the identifier has more than \(Engine.maximumKey) bytes"))
    }
    do throws(JSONError) {
      return .success(try JSON(parsing: body))
    } catch {
      return .failure(Unreadable(code: "invalid-json", message: error.message))
    }
  }
}

/// The outcome of a message.
public enum MessageOutcome: Hashable, Sendable {
  /// The event is committed. `isReplayed` is true for a message that was committed before.
  case accepted(isReplayed: Bool)
  /// The event has no effect, and never will have one; the message is a dead letter.
  case refused(code: String, message: String)
  /// The event can't be accepted at the moment, and those after it were not tried.
  case postponed(message: String)
}
