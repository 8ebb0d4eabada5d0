public import CEL
public import FlowIR

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
  /// How many times transitions were taken together.
  public var microsteps: Int
  /// In the order in which they were asked for.
  public var effects: [Effect]
  /// What a called flow answers, when this step ends it well.
  public var result: Value?
  /// Whether a call has a new result, which data keeps as well.
  public var areResultsChanged: Bool
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

  /// Whether anything of the data is another than before.
  public var isDataChanged: Bool { !changed.isEmpty || areResultsChanged }

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
  /// The action that is done, or the flow that is called.
  public var target: Call.Target
  /// A record with the arguments by their names.
  public var arguments: Value
  /// The call that waits for the result, or whose work is undone; nil for work that is forgotten about.
  public var call: Int?
  /// At most one job is done for this key; later ones get its result.
  public var once: String?
}

extension Job {
  /// The action; nil when a flow is called.
  public var action: Int? {
    if case .action(let action) = target { action } else { nil }
  }
}

extension Machine {
  /// The name of what a job does.
  public func name(of target: Call.Target) -> String {
    switch target {
    case .action(let action): program.actions[action].name
    case .flow(let flow): program.flows[flow].name
    }
  }

  /// The type of what a job answers; nil when nothing is declared.
  public func result(of target: Call.Target) -> ValueType? {
    switch target {
    case .action(let action): program.actions[action].result
    case .flow(let flow): program.flows[flow].result
    }
  }
}

extension Machine {
  /// The record of the arguments of an action or a flow.
  func parameters(of target: Call.Target) -> RecordDeclaration {
    switch target {
    case .action(let action): program.actions[action].parameters
    case .flow(let flow): program.flows[flow].parameters
    }
  }
}
