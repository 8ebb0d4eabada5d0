public import FlowRuntime

extension EngineThread {
  /// Accepts messages of a queue in their order, with refusals as the API describes them; `completion` is called after
  /// the commit.
  public func receive(
    _ messages: [BrokerMessage], completion: @escaping @Sendable ([MessageOutcome]) -> Void
  ) {
    receive(
      messages,
      refusal: { problem in
        let shown = problem.problem
        return (shown.code, shown.detail)
      }, completion: completion)
  }
}
