import CEL
public import FlowIR
public import FlowJSON
public import FlowMachine

/// A call of an action that another node of the store runs for the owner. It has no secrets: the node binds the action
/// with its own environment.
public struct ClaimedCall: Hashable, Sendable {
  /// The number of the job.
  public var id: Int64
  /// Identifies the claim: the result of an earlier one has no effect.
  public var fence: Int
  /// The hash of the program.
  public var definition: String
  public var action: String
  public var arguments: JSON
  public var timeoutMilliseconds: Int64
  /// The same for every attempt of the job.
  public var idempotencyKey: String
  /// The number of the attempt, from 1.
  public var attempt: Int
}

/// A request of a node for calls.
public struct CallClaim: Sendable {
  /// The identity of the node.
  public var node: String
  /// The maximum number of calls.
  public var limit: Int
  /// The time for which the request may wait for a call, in milliseconds.
  public var waitMilliseconds: Int64
  /// Returns true if the node has the program with a hash, and the settings that an action of it needs.
  public var mayRun: @Sendable (String, Action) -> Bool

  public init(
    node: String, limit: Int, waitMilliseconds: Int64, mayRun: @escaping @Sendable (String, Action) -> Bool
  ) {
    self.node = node
    self.limit = limit
    self.waitMilliseconds = waitMilliseconds
    self.mayRun = mayRun
  }
}

/// A report of a node: the calls that it runs, and those that have ended.
public struct CallReport: Sendable {
  /// The result of a call.
  public struct Result: Sendable {
    public var id: Int64
    public var fence: Int
    public var outcome: JobOutcome

    public init(id: Int64, fence: Int, outcome: JobOutcome) {
      self.id = id
      self.fence = fence
      self.outcome = outcome
    }
  }

  /// The identity of the node.
  public var node: String
  /// The numbers of the jobs that it runs.
  public var running: [Int64]
  public var results: [Result]

  public init(node: String, running: [Int64], results: [Result]) {
    self.node = node
    self.running = running
    self.results = results
  }
}

extension ClaimedCall {
  /// The request for a runner of the node.
  /// - Parameters:
  ///   - machine: The program of the call.
  ///   - environment: The variables of the node.
  /// - Throws: `BindingError` for an unknown action, a variable that is not set, or an expression that fails.
  public func request(in machine: Machine, environment: (String) -> String?) throws(BindingError) -> JobRequest {
    guard let index = machine.program.actions.firstIndex(where: { $0.name == action }) else {
      throw BindingError("there is no action `\(action)`")
    }
    let parameters = machine.program.actions[index].parameters.name
    guard case .success(let value) = Value.from(arguments, as: .record(parameters), in: machine.types) else {
      throw BindingError("its arguments can't be read")
    }
    let bound = try Stepper(machine).bind(action: index, arguments: value, environment: environment)
    return JobRequest(
      action: bound.action, timeoutMilliseconds: timeoutMilliseconds, idempotencyKey: idempotencyKey, attempt: attempt,
      signingSecret: bound.signingSecret, secrets: bound.secrets)
  }
}
