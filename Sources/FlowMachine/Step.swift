public import CEL
import FlowIR

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
  /// The transitions taken, in order.
  public var transitions: [Int]
  /// In the order in which they were asked for.
  public var effects: [Effect]
  /// What a called flow answers, when this step ends it well.
  public var result: Value?
  /// The active states before.
  let before: StateSet
  let changed: StateSet
  let flow: LoadedFlow

  /// The innermost active states before, as paths.
  public var from: [String] { flow.leafPaths(before) }
  /// The innermost active states after, as paths.
  public var to: [String] { flow.leafPaths(next.active) }
  /// The data fields that were assigned, by index, in ascending order.
  public var changedFields: [Int] { Array(changed.ascending) }

  /// How the step ends the call of the flow; nil while it runs.
  public var outcome: CallOutcome? {
    switch next.status {
    case .running: return nil
    case .done: return .done(result ?? .null)
    case .failed:
      let state = next.active.ascending.first { flow.states[$0].isFailed }
      return .failed(code: state.map { flow.flow.states[$0].name } ?? "", message: "", attempts: 1)
    }
  }
}

/// Something that a step asks the outside for.
public enum Effect: Hashable, Sendable {
  case job(Job)
  /// A flow that is called.
  case begin(Invocation)
  /// The state that waited for this job, or for the flow that was begun, was left.
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
  /// The call that waits for the result; nil for work that is forgotten about, and for an undo.
  public var call: Int?
  /// Whether a rollback waits for the result.
  public var isUndo = false
  /// At most one job is done for this key; later ones get its result.
  public var once: String?

  /// Whether the instance wants to know how it ended.
  public var isAwaited: Bool { call != nil || isUndo }
}

/// A flow that a state calls. Its end comes back as the result of `reference`: ``Step/outcome``.
public struct Invocation: Hashable, Sendable {
  public var reference: JobReference
  public var flow: Int
  /// A value for each parameter.
  public var arguments: [Value]
  public var call: Int
  /// At most one instance is begun for this key; later ones get its result.
  public var once: String?
}
