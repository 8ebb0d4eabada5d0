/// The writes of one transaction.
public struct StoreBatch: Sendable {
  public var journal: [JournalEntry] = []
  /// The last state of each changed instance.
  public var instances: [Int64: InstanceRow] = [:]
  /// The numbers of the new instances among them.
  public var created: Set<Int64> = []
  public var answers: [IdempotencyRow] = []
  /// The last due time of each changed timer; nil for one that is cleared.
  public var timers: [TimerID: Int64?] = [:]
  /// The last document of each changed item of a call over a list; nil for one that is removed.
  public var items: [ItemID: [UInt8]?] = [:]
  /// The last state of each changed job.
  public var jobs: [Int64: JobRow] = [:]
  public var jobsRemoved: Set<Int64> = []
  public var dead: [DeadRow] = []
  /// Dead letters that are removed, by the number of their job.
  public var deadRemoved: Set<Int64> = []
  public var once: [ExactText: OnceRow] = [:]
  /// The completions of claimed jobs.
  public var completions: [CompletionRow] = []
  /// The progress of operations on many instances, as JSON.
  public var bulk: [Int64: [UInt8]] = [:]
  /// The throttles of actions with a limit, or of their keys, as JSON; empty for one that is removed.
  public var throttles: [String: [UInt8]] = [:]
  /// The positions in the journal up to which publications have published it, by name.
  public var cursors: [String: Int64] = [:]
  public var definitions: [String: [UInt8]] = [:]
  /// The source files of programs, by the hash of the program.
  public var sources: [String: [UInt8]] = [:]
  /// The programs from which flows are served for the first time.
  public var versions: [VersionRow] = []
  public var deployments: [DeploymentRow] = []
  /// The last state of each changed schedule.
  public var schedules: [ScheduleID: ScheduleRow] = [:]
  /// The highest assigned job number; 0 when it has not changed.
  public var lastJob: Int64 = 0
  /// The unique identity of this store; written once.
  public var identity: String?

  public init() {}

  public var isEmpty: Bool {
    journal.isEmpty && instances.isEmpty && answers.isEmpty && timers.isEmpty && items.isEmpty && jobs.isEmpty
      && jobsRemoved.isEmpty && dead.isEmpty && deadRemoved.isEmpty && once.isEmpty && definitions.isEmpty
      && deployments.isEmpty && schedules.isEmpty && sources.isEmpty && versions.isEmpty && throttles.isEmpty
      && completions.isEmpty && bulk.isEmpty && cursors.isEmpty && identity == nil
  }
}

/// A text that is equal only to one with the same bytes, as in databases and networks.
public struct ExactText: Hashable, Sendable {
  public var text: String

  public init(_ text: String) { self.text = text }

  public static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  public func hash(into hasher: inout Hasher) { text.hash(into: &hasher) }
}
