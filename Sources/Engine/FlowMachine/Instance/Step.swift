public import CEL
public import FlowIR

/// The outcome of an input of an instance.
public enum Outcome: Sendable {
  case accepted(Step)
  case refused(Refusal)
}

/// A completed step: the next instance, and the effects to carry out.
public struct Step: Sendable {
  public enum Disposition: String, Sendable {
    /// A reaction handled the input.
    case applied
    /// The state ignores it with `ignore`, or no guard of a timer or a result is true.
    case ignored
    /// The state defers it with `defer`: stored until a state reacts to it.
    case deferred
    /// A timer or a result that the instance no longer waits for.
    case stale
  }

  public var disposition: Disposition
  public var next: Instance
  /// The transitions taken, in order.
  public var transitions: [Int]
  /// The number of microsteps.
  public var microsteps: Int
  /// In the order in which they were requested.
  public var effects: [Effect]
  /// The deferred events that were offered after the step and refused, in order.
  public var refused: [RefusedEvent]
  /// The result of a called flow, when this step ends it in a `final` state.
  public var result: Value?
  /// True if a call has a new result. Results are part of the data.
  public var areResultsChanged: Bool
  /// The active states before.
  let before: StateSet
  let changed: BitSet
  let flow: LoadedFlow

  /// The innermost active states before, as paths.
  public var from: [String] { flow.leafPaths(before) }
  /// The innermost active states after, as paths.
  public var to: [String] { flow.leafPaths(next.active) }
  /// The data fields that were assigned, by index, in ascending order.
  public var changedFields: [Int] { Array(changed.ascending) }

  /// True if the step has changed the data.
  public var isDataChanged: Bool { !changed.isEmpty || areResultsChanged }

  /// The outcome of a call of the flow; nil while it runs.
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

/// Something that a step requests from its environment.
public enum Effect: Hashable, Sendable {
  case job(Job)
  /// The state that waits for this job was left.
  case withdraw(JobReference)
  case arm(ArmedTimer)
  case disarm(ArmedTimer)
  /// `to`: the flow whose running instances receive the event; nil for those whose key it has.
  case emit(event: EventIndex, payload: Value, to: FlowIndex?)
  case log(String)
  /// A deferred event was dropped, without an offer.
  case discard(DeferredEvent, because: DiscardReason)
  /// The work of an action or a flow for a `once` key was undone: its recorded result is deleted.
  case forget(once: String, of: Call.Target)
}

/// The reason that a deferred event is never offered. The raw values are those of the journal.
public enum DiscardReason: String, Hashable, Sendable {
  /// The instance has ended.
  case ended
  /// An operator has dropped it.
  case dropped
}

/// A deferred event that was offered after a step and was refused. The step itself is not affected.
public struct RefusedEvent: Sendable {
  public var event: DeferredEvent
  public var refusal: Refusal
}

/// Work that is performed outside the step.
public struct Job: Hashable, Sendable {
  public var reference: JobReference
  /// The action or the flow that is called.
  public var target: Call.Target
  /// A record with the arguments by their names.
  public var arguments: Value
  /// The call that waits for the result, or that is undone; nil when no result is awaited.
  public var call: CallIndex?
  /// At most one job is performed for this key; later ones get its result.
  public var once: String?
  /// Of several jobs that wait, those with a higher priority go first.
  public var priority: Int64 = 0
}

extension Job {
  /// The action; nil when a flow is called.
  public var action: Int? {
    if case .action(let action) = target { action } else { nil }
  }
}

extension Machine {
  /// The name of an action or a flow.
  public func name(of target: Call.Target) -> String {
    switch target {
    case .action(let action): program.actions[action].name
    case .flow(let flow): program.flows[flow].name
    }
  }

  /// The declared result type of an action or a flow; nil without a declaration.
  public func result(of target: Call.Target) -> ValueType? {
    switch target {
    case .action(let action): program.actions[action].result
    case .flow(let flow): program.flows[flow].result
    }
  }

  /// The largest size of the result of an action or a flow; nil for no bound.
  public func resultMaximum(of target: Call.Target) -> Int? {
    switch target {
    case .action(let action): program.actions[action].resultMaximum
    case .flow(let flow): program.flows[flow].resultMaximum
    }
  }
}

extension Machine {
  /// The reason that a deferred event is never offered, as one sentence.
  public func text(discarded event: DeferredEvent, because reason: DiscardReason) -> String {
    let name = program.events[event.event].name
    return switch reason {
    case .ended: "`\(name)` was deferred when the flow ended"
    case .dropped: "an operator has dropped the deferred `\(name)`"
    }
  }

  /// The record of the arguments of an action or a flow.
  func parameters(of target: Call.Target) -> RecordDeclaration { program.parameters(of: target) }
}
