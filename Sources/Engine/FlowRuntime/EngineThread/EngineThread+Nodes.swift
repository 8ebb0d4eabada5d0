// Requests of the other nodes of a store.
extension EngineThread {
  /// Leases calls to another node. The request is answered when there are calls beyond those that the owner runs
  /// itself, or without calls at its timeout.
  public func claimCalls(
    _ claim: CallClaim, completion: @escaping @Sendable (Result<[ClaimedCall], EngineProblem>) -> Void
  ) {
    let item = Item(
      work: { engine in
        engine.nodeCalls.see(claim.node, at: engine.now)
        engine.waitingCallClaims.add(claim, at: engine.now, completion: completion)
        return { _ in }
      },
      refuse: { completion(.failure($0)) })
    if let problem = enqueue(item) { completion(.failure(problem)) }
  }

  /// Accepts the results of a node, and notes the calls that it runs. They are final when `completion` is called.
  public func accept(
    _ report: CallReport, completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform(
      { engine in
        engine.accept(report)
        return .success(())
      }, completion: completion)
  }

  /// Calls back with the number of calls that each other node runs, by its identity, and that of the owner.
  public func countCalls(
    completion: @escaping @Sendable (Result<(own: Int, others: [String: Int]), EngineProblem>) -> Void
  ) {
    perform({ .success(($0.ownCalls, $0.callsOfNodes)) }, completion: completion)
  }
}
