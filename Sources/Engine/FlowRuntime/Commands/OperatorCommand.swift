public import FlowJSON
public import FlowMachine

/// A command of an operator for one instance.
public struct OperatorCommand: Sendable {
  public enum Action: String, Sendable, CaseIterable {
    /// Ends the instance: it leaves all its states, its calls are withdrawn, and its undos are not executed.
    case cancel
    /// Holds timers, results and jobs, and refuses events, until the instance is resumed.
    case suspend
    case resume
    /// Retries immediately: jobs in their backoff, and timers and results that failed as incidents.
    case retry
    /// Migrates the instance to the version of new instances of its flow.
    case migrate
    /// Drops deferred events.
    case drop
  }

  public var action: Action
  public var flow: String
  public var key: String
  /// The reason, for the journal.
  public var reason: String
  public var caller: Caller
  /// The event whose deferred occurrences are dropped; nil for all events. For ``Action/drop`` only.
  public var event: String?
  /// The revision that the instance must have.
  public var ifMatch: Int?
  /// True to show the outcome without applying it.
  public var isDryRun = false

  public init(_ action: Action, flow: String, key: String, reason: String = "", caller: Caller = Caller()) {
    self.action = action
    self.flow = flow
    self.key = key
    self.reason = reason
    self.caller = caller
  }
}

/// A command of an operator to start an instance as a scheduled start does.
public struct StartNowCommand: Sendable {
  public var flow: String
  /// The index of the start in its flow.
  public var start: Int
  /// The reason, for the journal.
  public var reason: String
  public var caller: Caller

  public init(flow: String, start: Int, reason: String = "", caller: Caller = Caller()) {
    self.flow = flow
    self.start = start
    self.reason = reason
    self.caller = caller
  }
}

/// The outcome of a command to start an instance as a scheduled start does.
public enum StartNowAnswer: Hashable, Sendable {
  case started(OperatorAnswer)
  /// The run waits for the end of the instance with this key; `isNew` is false if another run was waiting already.
  case queued(behind: String, isNew: Bool)
}

/// The outcome of an operator's command.
public struct OperatorAnswer: Hashable, Sendable {
  public var flow: String
  public var key: String
  public var status: InstanceStatus
  public var revision: Int
  /// The sequence number of the entry in the journal; 0 when nothing was written.
  public var sequence: Int64
  /// The active states, as paths.
  public var states: [String]
  /// Further effects as text; empty when there are none.
  public var detail: String
}

extension OperatorAnswer {
  /// The answer in the API.
  public var json: JSON {
    [
      "flow": .string(flow), "key": .string(key), "status": .string(status.name), "revision": .int(Int64(revision)),
      "offset": .int(sequence), "state": .array(states.map { .string($0) }), "detail": .string(detail),
    ]
  }
}
