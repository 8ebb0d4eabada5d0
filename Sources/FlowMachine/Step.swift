public import CEL

/// What a step comes to.
public enum Outcome: Sendable {
  case accepted(Step)
  case refused(Refusal)
}

/// A step that holds: the next instance, and what is to be done about it.
public struct Step: Sendable {
  public enum Disposition: String, Sendable {
    /// A reaction took the input.
    case applied
    /// The state says `ignore`, or the guards of a timer or a result said no.
    case ignored
    /// The state says `defer`: kept until a state wants it.
    case deferred
    /// A timer or a result that nobody waits for any more.
    case stale
  }

  public var disposition: Disposition
  public var next: Instance
  /// The innermost active states before, as paths.
  public var from: [String]
  /// The innermost active states after, as paths.
  public var to: [String]
  /// The transitions taken, in order.
  public var transitions: [Int]
  /// The data fields that were assigned, by index, in ascending order.
  public var changedFields: [Int]
  /// In the order in which they were asked for.
  public var effects: [Effect]
}

/// Something that a step asks the outside for.
public enum Effect: Hashable, Sendable {
  case job(Job)
  /// The state that waited for this job was left.
  case withdraw(JobReference)
  case arm(ArmedTimer)
  case disarm(ArmedTimer)
  case emit(event: Int, payload: Value)
  case log(String)
}

/// Work for the outside.
public struct Job: Hashable, Sendable {
  public var reference: JobReference
  public var action: Int
  /// A record that has the action's name.
  public var arguments: Value
  /// The call that waits for the result; nil for work that is forgotten about.
  public var call: Int?
  /// At most one job is done for this key; later ones get its result.
  public var once: String?
}
