public import FlowJSON

// Operations on many instances. Their progress is written in the transaction of each step, so that a crash neither
// loses an operation nor repeats a part of it.
extension EngineThread {
  /// Writes the progress of an operation on many instances.
  public func write(
    bulk id: Int64, document: JSON, completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform(
      { engine in
        engine.batch.writes.bulk[id] = document.bytes()
        return .success(())
      }, completion: completion)
  }

  /// Writes the position up to which a publication has published the journal.
  public func write(
    cursor name: String, at sequence: Int64, completion: @escaping @Sendable (Result<Void, EngineProblem>) -> Void
  ) {
    perform(
      { engine in
        engine.batch.writes.cursors[name] = sequence
        return .success(())
      }, completion: completion)
  }

  /// Executes a command as part of an operation on many instances.
  /// - Parameter progress: Returns the progress of the operation for the outcome of the command.
  public func operate(
    _ command: OperatorCommand, bulk id: Int64,
    progress: @escaping @Sendable (Result<OperatorAnswer, EngineProblem>) -> JSON,
    completion: @escaping @Sendable (Result<OperatorAnswer, EngineProblem>) -> Void
  ) {
    perform(
      { engine in
        let result = engine.operate(command)
        if case .failure(.storeUnavailable) = result { return result }
        engine.batch.writes.bulk[id] = progress(result).bytes()
        return result
      }, completion: completion)
  }
}
