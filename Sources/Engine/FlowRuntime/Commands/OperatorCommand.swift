public import FlowJSON
public import FlowMachine

/// What an operator asks of an instance.
public struct OperatorCommand: Sendable {
  public enum Action: String, Sendable, CaseIterable {
    /// Leaves all its states and ends it; its calls are withdrawn, its undos are not carried out.
    case cancel
    /// Holds its timers, results and jobs, and refuses events, until it is resumed.
    case suspend
    case resume
    /// Tries at once what waits to be tried again: jobs, and timers and results that the instance could not take.
    case retry
    /// Moves it to the version that new instances of its flow run.
    case migrate
  }

  public var action: Action
  public var flow: String
  public var key: String
  /// Why, for the journal.
  public var reason: String
  public var caller: Caller
  /// The revision that the instance has to have.
  public var ifMatch: Int?
  /// Whether only to say what would come of it.
  public var isDryRun = false

  public init(_ action: Action, flow: String, key: String, reason: String = "", caller: Caller = Caller()) {
    self.action = action
    self.flow = flow
    self.key = key
    self.reason = reason
    self.caller = caller
  }
}

/// What came of an operator's command.
public struct OperatorAnswer: Hashable, Sendable {
  public var flow: String
  public var key: String
  /// One of ``InstanceRow/statusNames``.
  public var status: String
  public var revision: Int
  /// The place of the entry in the journal; 0 when nothing was written.
  public var sequence: Int64
  /// The active states, as paths.
  public var states: [String]
  /// What the command did beside that, in words; empty when there is nothing to say.
  public var detail: String
}

extension OperatorAnswer {
  /// The answer as clients see it.
  public var json: JSON {
    [
      "flow": .string(flow), "key": .string(key), "status": .string(status), "revision": .int(Int64(revision)),
      "offset": .int(sequence), "state": .array(states.map { .string($0) }), "detail": .string(detail),
    ]
  }
}
