public import CEL
public import FlowIR

/// The sender of an event, as its credentials identify it.
public struct Caller: Hashable, Sendable {
  public var id: String
  public var roles: [String]
  /// The flow of the instance that emitted the event; nil for events from outside. Only the engine sets it, so that a
  /// caller or a key cannot impersonate a flow.
  public var flow: String?

  public init(id: String = "", roles: [String] = [], flow: String? = nil) {
    self.id = id
    self.roles = roles
    self.flow = flow
  }
}

/// An input of a step.
public enum Input: Hashable, Sendable {
  /// An event with its payload, a record that has the event's name.
  case event(EventIndex, payload: Value, caller: Caller)
  /// The timer of a transition, as it was armed.
  case timer(transition: Int, armed: Int)
  /// The outcome of a job that a `call` or an `undo` has requested.
  case result(JobReference, CallOutcome)
}

/// The outcome of a call.
public enum CallOutcome: Hashable, Sendable {
  case done(Value)
  case failed(code: String, message: String, attempts: Int)
}

/// The trigger of the step in progress.
enum StepTrigger {
  case event(EventIndex)
  case timer(Int)
  case result(JobReference)
  case called
  case schedule(Int)
}
