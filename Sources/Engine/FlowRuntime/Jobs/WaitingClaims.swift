/// Claims of external workers that wait for a job or their timeout.
final class WaitingClaims {
  /// The interval at which a queue without known due jobs is read again, in milliseconds.
  private static let interval: Int64 = 250

  private struct Claim {
    var request: ClaimRequest
    var ends: Int64
    var completion: @Sendable (Result<[ClaimedJob], EngineProblem>) -> Void
  }

  private var claims: [Claim] = []
  /// The queues that may have due jobs.
  private var ready: Set<String> = []
  private var nextRead: Int64 = 0

  func add(
    _ request: ClaimRequest, at now: Int64,
    completion: @escaping @Sendable (Result<[ClaimedJob], EngineProblem>) -> Void
  ) {
    let wait = min(request.waitMilliseconds, Engine.maximumClaimWait)
    claims.append(Claim(request: request, ends: now + wait, completion: completion))
    ready.insert(request.queue)
  }

  /// Records that jobs of a queue were committed.
  func note(_ rows: some Sequence<JobRow>) {
    guard !claims.isEmpty else { return }
    for row in rows { if let queue = row.queue, row.lease == 0 { ready.insert(queue) } }
  }

  /// Claims jobs for the claims whose queues may have some, and ends those at their timeout.
  /// - Returns: The replies, to be sent after the commit.
  func serve(_ engine: Engine) -> [EngineThread.Reply] {
    guard !claims.isEmpty else { return [] }
    let now = engine.now
    // Jobs become due by the clock as well.
    if now >= nextRead {
      for claim in claims { ready.insert(claim.request.queue) }
      nextRead = now + WaitingClaims.interval
    }
    var replies: [EngineThread.Reply] = []
    var left: [Claim] = []
    for claim in claims {
      let isOver = claim.ends <= now
      guard isOver || ready.contains(claim.request.queue) else {
        left.append(claim)
        continue
      }
      let result = engine.claim(claim.request)
      if case .success(let jobs) = result, jobs.isEmpty, !isOver {
        left.append(claim)
        ready.remove(claim.request.queue)
        continue
      }
      replies.append { error in
        claim.completion(error.map { .failure(.storeUnavailable($0.message)) } ?? result)
      }
    }
    claims = left
    return replies
  }

  /// The instant at which claims have to be served again, in milliseconds since 1970; nil when none is waiting.
  func nextDue(_ engine: Engine) -> Int64? {
    claims.isEmpty ? nil : min(nextRead, claims.lazy.map(\.ends).min() ?? .max)
  }

  /// Answers all claims without jobs.
  func refuseAll() {
    for claim in claims { claim.completion(.failure(.shuttingDown)) }
    claims = []
  }
}
