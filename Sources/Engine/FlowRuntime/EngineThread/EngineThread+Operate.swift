public import FlowMachine

// Commands of operators.
extension EngineThread {
  /// Executes a command for an instance; `completion` is called after the commit.
  public func operate(
    _ command: OperatorCommand, completion: @escaping @Sendable (Result<OperatorAnswer, EngineProblem>) -> Void
  ) {
    perform({ $0.operate(command) }, completion: completion)
  }

  /// Retries the work of a dead letter.
  /// - Parameter id: The number of the job.
  public func redrive(
    _ id: Int64, reason: String, caller: Caller,
    completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform({ $0.redrive(id, reason: reason, caller: caller) }, completion: completion)
  }

  /// Starts an instance as a scheduled start does.
  public func startNow(
    _ command: StartNowCommand, completion: @escaping @Sendable (Result<StartNowAnswer, EngineProblem>) -> Void
  ) {
    perform({ $0.startNow(command) }, completion: completion)
  }

  /// Serves the flows of a program from now on.
  public func deploy(
    _ machine: Machine, sources: [SourceText] = [], origin: DeploymentOrigin = .api,
    completion: @escaping @Sendable (Result<DeployAnswer, EngineProblem>) -> Void
  ) {
    perform({ .success($0.deploy(machine, sources: sources, origin: origin)) }, completion: completion)
  }

  /// Starts no new instances of a flow from now on.
  /// - Parameter completion: Receives false when no such flow is served.
  public func retire(
    _ flow: String, completion: @escaping @Sendable (Result<Bool, EngineProblem>) -> Void
  ) {
    perform({ .success($0.retire(flow)) }, completion: completion)
  }
}
