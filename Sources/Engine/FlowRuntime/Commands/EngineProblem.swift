public import FlowJSON
public import FlowMachine

/// The reason why the engine rejected a command.
public enum EngineProblem: Error, Sendable {
  case unknownFlow(String, known: [String])
  case unknownEvent(String, nearest: [String], known: [String])
  case invalidPayload([(pointer: String, message: String)])
  /// The key of the address differs from the key field of the payload.
  case keyMismatch(addressed: String, payload: String)
  case notFound(String)
  case refused(Refusal, explanation: JSON)
  case alreadyExists(key: String)
  /// The flow starts no new instances: it was deleted, or the files of the last start did not have it.
  case retired(flow: String)
  /// The instance was archived. Instants are in milliseconds since 1970; the second one is that of
  /// ``Tombstone/keyTakenUntil``.
  case gone(key: String, endedAt: Int64, keyTakenUntil: Int64? = nil)
  /// An operator has suspended the instance.
  case suspended(key: String)
  /// An operator's command can't be carried out, with the reason, which may contain values of an instance; `summary`
  /// contains none, and is nil if the reason does not either.
  case notPossible(String, summary: String? = nil)
  case revisionMismatch(current: Int)
  case idempotencyReused
  /// The engine's queue is full.
  case overloaded
  case storeUnavailable(String)
  /// The lease of a worker has ended, or the job has.
  case leaseLost
  case shuttingDown
}
