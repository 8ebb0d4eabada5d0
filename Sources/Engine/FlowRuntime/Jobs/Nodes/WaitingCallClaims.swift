/// Claims of other nodes that wait for a call or their timeout.
final class WaitingCallClaims {
  private struct Waiting {
    var claim: CallClaim
    var ends: Int64
    var completion: @Sendable (Result<[ClaimedCall], EngineProblem>) -> Void
  }

  private var waiting: [Waiting] = []

  var isEmpty: Bool { waiting.isEmpty }

  /// The first timeout, in milliseconds since 1970; nil when none waits.
  var nextDue: Int64? { waiting.lazy.map(\.ends).min() }

  /// A second claim of a node replaces its first, whose response no node awaits any more.
  func add(
    _ claim: CallClaim, at now: Int64, completion: @escaping @Sendable (Result<[ClaimedCall], EngineProblem>) -> Void
  ) {
    for old in waiting where old.claim.node == claim.node { old.completion(.success([])) }
    waiting.removeAll { $0.claim.node == claim.node }
    waiting.append(Waiting(claim: claim, ends: now + claim.waitMilliseconds, completion: completion))
  }

  /// Divides the ready calls among the claims, and ends those at their timeout.
  /// - Returns: The replies, to be sent after the commit.
  func serve(_ engine: Engine) -> [EngineThread.Reply] {
    guard !waiting.isEmpty else { return [] }
    let now = engine.now
    var replies: [EngineThread.Reply] = []
    var left: [Waiting] = []
    for (index, one) in waiting.enumerated() {
      let share = (engine.readyCount + waiting.count - index - 1) / (waiting.count - index)
      let calls = share == 0 ? [] : engine.claimCalls(one.claim, atMost: share)
      guard !calls.isEmpty || one.ends <= now else {
        left.append(one)
        continue
      }
      replies.append { error in
        one.completion(error.map { .failure(.storeUnavailable($0.message)) } ?? .success(calls))
      }
    }
    waiting = left
    return replies
  }

  /// Answers all claims without calls.
  func refuseAll() {
    for one in waiting { one.completion(.failure(.shuttingDown)) }
    waiting = []
  }
}
