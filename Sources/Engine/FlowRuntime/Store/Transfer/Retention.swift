/// The retention periods of ended instances, their keys and old journal entries.
public struct Retention: Hashable, Sendable {
  /// The minimum time for which the answer to an idempotency key is stored, in milliseconds: seven days.
  public static let answers: Int64 = 7 * 86_400_000
  /// The time for which the end of a claimed job can be repeated, in milliseconds: one day.
  package static let completions: Int64 = 86_400_000
  /// The number of operations on many instances whose progress is stored.
  package static let bulkOperations = 100

  /// The time for which an ended instance stays in the store, in milliseconds; nil for no limit.
  public var hot: Int64?
  /// The time after its end for which the key of an archived instance stays reserved, in milliseconds; nil for no
  /// limit.
  public var keys: Int64?
  /// The file to which archived instances are appended as JSON lines; nil to discard them.
  public var archive: String?
  /// The size in bytes at which an archive file is renamed and a new one is started.
  public var archiveBytes: Int64 = 256 << 20
  /// The number of entries that an instance must have before any of them are archived.
  public var entries = 32

  /// The minimum time for which the entries of a running instance are stored, in milliseconds; nil for no limit. It
  /// covers the period in which any of them may be the answer to an idempotency key.
  package var journal: Int64? { hot.map { max($0, 2 * Retention.answers) } }

  public init(hot: Int64? = nil, keys: Int64? = 365 * 86_400_000, archive: String? = nil) {
    self.hot = hot
    self.keys = keys
    self.archive = archive
  }
}
