public import FlowMachine

// What operators ask of the engine's thread.
extension EngineThread {
  /// Does something to an instance; the answer comes when it is on the disk.
  public func operate(
    _ command: OperatorCommand, completion: @escaping @Sendable (Result<OperatorAnswer, EngineProblem>) -> Void
  ) {
    ask({ $0.operate(command) }, completion)
  }

  /// Tries a dead letter again.
  /// - Parameter id: The number of the job.
  public func redrive(
    _ id: Int64, reason: String, caller: Caller,
    completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    ask({ $0.redrive(id, reason: reason, caller: caller) }, completion)
  }

  /// Serves the flows of a program from now on.
  public func deploy(
    _ machine: Machine, _ sources: [SourceText] = [],
    completion: @escaping @Sendable (Result<DeployAnswer, EngineProblem>) -> Void
  ) {
    ask({ .success($0.deploy(machine, sources)) }, completion)
  }

  /// Begins no new instances of a flow any more.
  /// - Parameter completion: Is told whether the flow was served.
  public func retire(
    _ flow: String, completion: @escaping @Sendable (Result<Bool, EngineProblem>) -> Void
  ) {
    ask({ .success($0.retire(flow)) }, completion)
  }
}
