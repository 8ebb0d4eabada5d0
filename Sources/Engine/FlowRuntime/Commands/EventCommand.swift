public import FlowJSON
public import FlowMachine

/// An event on its way to an instance.
public struct EventCommand: Sendable {
  /// Nil when the event finds its instance by its own key field.
  public var flow: String?
  public var key: String?
  public var event: String
  public var payload: JSON
  public var caller = Caller()
  /// The authenticated principal, whose idempotency keys are its own; empty where there is no authentication.
  public var sender = ""
  /// The same key twice gives the first answer and changes nothing.
  public var idempotencyKey: String?
  /// The revision that the instance has to have.
  public var ifMatch: Int?
  /// Whether the event may only begin an instance.
  public var start = false

  public init(flow: String? = nil, key: String? = nil, event: String, payload: JSON) {
    self.flow = flow
    self.key = key
    self.event = event
    self.payload = payload
  }
}

/// What came of an event. It is on the disk.
public struct EventAnswer: Hashable, Sendable {
  /// `applied`, `ignored` or `deferred`.
  public var disposition: String
  public var flow: String
  public var key: String
  public var revision: Int
  /// The place of the step in the journal.
  public var sequence: Int64
  public var from: [String]
  public var to: [String]
  /// `running`, `done` or `failed`.
  public var status: String
  /// Whether the event began the instance.
  public var created: Bool
  /// Whether this is the answer that was given before.
  public var replayed = false
}

/// Why an event was not taken.
public enum EngineProblem: Error, Sendable {
  case unknownFlow(String, known: [String])
  case unknownEvent(String, nearest: [String], known: [String])
  case invalidPayload([(pointer: String, message: String)])
  case notFound(String)
  case refused(Refusal, explanation: JSON)
  case alreadyExists(key: String)
  /// The instance has ended so long ago that only its end is still known, in milliseconds since 1970.
  case gone(key: String, endedAt: Int64)
  /// An operator has suspended the instance.
  case suspended(key: String)
  /// What an operator asked for can't be done, and why.
  case notPossible(String)
  case revisionMismatch(current: Int)
  case idempotencyReused
  case overloaded
  case storeUnavailable(String)
  /// A worker's lease is over, or the job is.
  case leaseLost
  case shuttingDown
}

/// The real world as the engine sees it, so that a simulation can be one.
public protocol World: Sendable {
  /// Milliseconds since 1970.
  func now() -> Int64
  /// A number from 0 up to and without `bound`.
  func random(below bound: Int64) -> Int64
  /// A name that was never given before.
  func newID() -> String
  /// A variable of the environment that actions may read.
  func variable(_ name: String) -> String?
}
