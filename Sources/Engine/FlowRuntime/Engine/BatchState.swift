/// The changes since the last commit, with the committed state to restore when they cannot be made durable.
struct BatchState {
  /// The writes of the next commit.
  var writes = StoreBatch()
  /// The highest numbers given out, including those of the batch.
  var counters: StoreCounters
  /// The error of a read that the batch depends on: it then fails as a whole, since a guess could do work twice or
  /// lose it.
  var failure: StoreError?

  private var answers: [IdempotencyName: IdempotencyRow] = [:]
  /// The numbers of the jobs that the batch writes, by their instance.
  private var jobIDs: [Int64: [Int64]] = [:]
  private var committed: (counters: StoreCounters, deployments: DeploymentRegistry)

  init(counters: StoreCounters) {
    self.counters = counters
    committed = (counters, DeploymentRegistry())
  }

  // MARK: - Ending

  /// Completes the writes with the counters that have changed.
  mutating func prepare() {
    if counters.job != committed.counters.job { writes.lastJob = counters.job }
  }

  /// Makes the current state the committed one.
  /// - Returns: The writes that were committed.
  mutating func didCommit(_ deployments: DeploymentRegistry) -> StoreBatch {
    defer { clear() }
    committed = (counters, deployments)
    return writes
  }

  /// Returns to the committed state.
  /// - Returns: The instances that the batch has changed, which have to be read again.
  mutating func rollBack(_ deployments: inout DeploymentRegistry) -> [Int64] {
    defer { clear() }
    counters = committed.counters
    deployments.restore(committed.deployments)
    return Array(writes.instances.keys)
  }

  private mutating func clear() {
    writes = StoreBatch()
    failure = nil
    answers.removeAll(keepingCapacity: true)
    jobIDs.removeAll(keepingCapacity: true)
  }

  // MARK: - Journal

  /// The sequence number of the next entry.
  mutating func nextSequence() -> Int64 {
    counters.sequence += 1
    return counters.sequence
  }

  /// The entry of the batch with a sequence number; nil for one of an earlier commit.
  func entry(_ sequence: Int64) -> JournalEntry? {
    // Those of the batch have the highest numbers, without gaps.
    guard let first = writes.journal.first?.sequence, sequence >= first else { return nil }
    return writes.journal[Int(sequence - first)]
  }

  /// Adds the receivers of an event to the entry of its first step.
  mutating func name(_ receivers: [EventAnswer.Receiver], at sequence: Int64) {
    guard let first = writes.journal.first?.sequence, sequence >= first else { return }
    writes.journal[Int(sequence - first)].name(receivers)
  }

  // MARK: - Idempotency

  func answer(_ name: IdempotencyName) -> IdempotencyRow? { answers[name] }

  mutating func add(_ row: IdempotencyRow) {
    answers[IdempotencyName(scope: row.scope, key: row.key)] = row
    writes.answers.append(row)
  }

  // MARK: - Jobs

  mutating func nextJobID() -> Int64 {
    counters.job += 1
    return counters.job
  }

  mutating func write(_ row: JobRow) {
    writes.jobs[row.id] = row
    writes.jobsRemoved.remove(row.id)
    jobIDs[row.instance, default: []].append(row.id)
  }

  mutating func removeJob(_ id: Int64) {
    writes.jobs[id] = nil
    writes.jobsRemoved.insert(id)
  }

  /// Returns true if the batch writes or removes a job, so that its row in the store is outdated.
  func changesJob(_ id: Int64) -> Bool { writes.jobs[id] != nil || writes.jobsRemoved.contains(id) }

  /// The numbers of the jobs of an instance that the batch has written; some may be removed again.
  func jobs(of instance: Int64) -> [Int64] { jobIDs[instance] ?? [] }
}

/// Identifies an idempotency record: the same key is independent for another flow or instance.
struct IdempotencyName: Hashable {
  var scope: String
  var key: String

  /// Byte for byte, as stores compare.
  static func == (a: IdempotencyName, b: IdempotencyName) -> Bool {
    a.key.utf8.elementsEqual(b.key.utf8) && a.scope.utf8.elementsEqual(b.scope.utf8)
  }
}
