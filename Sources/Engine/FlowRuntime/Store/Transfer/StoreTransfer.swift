/// A store that can be copied to one of another kind, and filled from one.
package protocol StoreTransfer: Store {
  /// The rows that are neither instances, journal, jobs, dead letters nor answers.
  func transferRecords() throws(StoreError) -> TransferRecords
  /// Adds archived keys, snapshots and numbers; everything else in the records is part of batches.
  func adopt(_ records: TransferRecords) throws(StoreError)
  /// The timers in the order of their identifiers.
  /// - Parameter after: The last timer of the previous page; nil for the first page.
  func transferTimers(after: TimerID?, limit: Int) throws(StoreError) -> [TimerRow]
  /// The answers to idempotency keys in the order of their hashes.
  /// - Parameter after: The last hash of the previous page; nil for the first page.
  func transferAnswers(after: KeyHash?, limit: Int) throws(StoreError) -> [TransferAnswer]
  /// Adds answers to entries that are already stored.
  /// - Parameter since: The instant from which on they count as stored, in milliseconds since 1970.
  func adopt(_ answers: [TransferAnswer], since: Int64) throws(StoreError)
}

/// The answer to an idempotency key, which a store knows only by its hash.
package struct TransferAnswer: Hashable, Sendable {
  package var hash: KeyHash
  package var digest: Int64
  package var sequence: Int64

  package init(hash: KeyHash, digest: Int64, sequence: Int64) {
    self.hash = hash
    self.digest = digest
    self.sequence = sequence
  }
}

/// The rows of a store that are few, and its numbers.
package struct TransferRecords: Hashable, Sendable {
  /// A program with its source; empty when the source was not stored.
  package struct Definition: Hashable, Sendable {
    package var hash: String
    package var program: [UInt8]
    package var source: [UInt8]

    package init(hash: String, program: [UInt8], source: [UInt8]) {
      self.hash = hash
      self.program = program
      self.source = source
    }
  }

  /// The key of an archived instance.
  package struct ArchivedKey: Hashable, Sendable {
    package var flow: String
    package var key: String
    package var tombstone: Tombstone

    package init(flow: String, key: String, tombstone: Tombstone) {
      self.flow = flow
      self.key = key
      self.tombstone = tombstone
    }
  }

  /// The answer to a key of an archived instance.
  package struct ArchivedAnswer: Hashable, Sendable {
    package var sequence: Int64
    package var flow: String
    package var key: String
    package var revision: Int64
    package var at: Int64
    package var body: [UInt8]

    package init(sequence: Int64, flow: String, key: String, revision: Int64, at: Int64, body: [UInt8]) {
      self.sequence = sequence
      self.flow = flow
      self.key = key
      self.revision = revision
      self.at = at
      self.body = body
    }
  }

  /// A snapshot, with whether it is the start of a history.
  package struct Snapshot: Hashable, Sendable {
    package var snapshot: InstanceSnapshot
    package var isBeginning: Bool

    package init(snapshot: InstanceSnapshot, isBeginning: Bool) {
      self.snapshot = snapshot
      self.isBeginning = isBeginning
    }
  }

  package var definitions: [Definition] = []
  package var versions: [VersionRow] = []
  package var once: [OnceRow] = []
  package var completions: [CompletionRow] = []
  package var throttles: [String: [UInt8]] = [:]
  package var bulk: [Int64: [UInt8]] = [:]
  package var archivedKeys: [ArchivedKey] = []
  package var archivedAnswers: [ArchivedAnswer] = []
  package var snapshots: [Snapshot] = []
  /// The first sequence number from which on the journal is complete; 0 when nothing was archived.
  package var keptFrom: Int64 = 0
  /// The highest assigned number of an instance, which may be that of an archived one.
  package var lastInstance: Int64 = 0
  /// The number of restores from backups.
  package var epoch: Int64 = 0
  /// The instant of the oldest stored answer, in milliseconds since 1970; 0 when none exists.
  package var answersSince: Int64 = 0

  package init() {}
}

/// The size of a copy.
public struct CopiedRows: Hashable, Sendable {
  public var instances = 0
  public var entries = 0
  public var jobs = 0
  public var answers = 0
}
