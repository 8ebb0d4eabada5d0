public import CEL

/// Who sends an event, as far as the caller's credentials say.
public struct Caller: Hashable, Sendable {
  public var id: String
  public var roles: [String]

  public init(id: String = "", roles: [String] = []) {
    self.id = id
    self.roles = roles
  }
}

/// What a step can be made of.
public enum Input: Hashable, Sendable {
  /// An event with its payload, a record that has the event's name.
  case event(Int, payload: Value, caller: Caller)
  /// The timer of a transition, as it was armed.
  case timer(transition: Int, armed: Int)
  /// The end of a job that a `call` or an `undo` has asked for.
  case result(JobReference, CallOutcome)
}

/// How a call ended.
public enum CallOutcome: Hashable, Sendable {
  case done(Value)
  case failed(code: String, message: String, attempts: Int)
}

/// What the present step is made of.
enum StepTrigger {
  case event(Int)
  case timer(Int)
  case result(JobReference)
  case called
  case schedule(Int)
}
