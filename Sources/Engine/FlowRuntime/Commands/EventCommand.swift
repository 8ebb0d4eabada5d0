public import FlowJSON
public import FlowMachine

/// An event for an instance.
public struct EventCommand: Sendable {
  /// Nil when the event reaches its instances by its own key field.
  public var flow: String?
  public var key: String?
  public var event: String
  public var payload: JSON
  public var caller = Caller()
  /// The authenticated principal, which has its own space of idempotency keys; empty without authentication.
  public var sender = ""
  /// A second event with the same key gets the first answer and changes nothing.
  public var idempotencyKey: String?
  /// The revision that the instance must have.
  public var ifMatch: Int?

  public init(flow: String? = nil, key: String? = nil, event: String, payload: JSON) {
    self.flow = flow
    self.key = key
    self.event = event
    self.payload = payload
  }
}
