/// The writes of one transaction.
public struct StoreBatch: Sendable {
  public var journal: [JournalEntry] = []
  /// The last state of each changed instance.
  public var instances: [Int64: InstanceRow] = [:]
  /// The numbers of the new ones among them.
  public var created: Set<Int64> = []
  public var answers: [IdempotencyRow] = []
  /// The last due time of each changed timer; nil for one that is cleared.
  public var timers: [TimerID: Int64?] = [:]
  /// The last state of each changed job.
  public var jobs: [Int64: JobRow] = [:]
  public var jobsRemoved: Set<Int64> = []
  public var dead: [DeadRow] = []
  /// Dead letters that are removed, by the number of their job.
  public var deadRemoved: Set<Int64> = []
  public var once: [ExactText: OnceRow] = [:]
  /// The ends of claimed jobs.
  public var completions: [CompletionRow] = []
  /// The progress of operations on many instances, as JSON.
  public var bulk: [Int64: [UInt8]] = [:]
  /// The throttles of actions with a limit, as JSON.
  public var throttles: [String: [UInt8]] = [:]
  public var definitions: [String: [UInt8]] = [:]
  /// The files that programs were compiled from, by the hash of the program.
  public var sources: [String: [UInt8]] = [:]
  /// The programs that flows are served from for the first time.
  public var versions: [VersionRow] = []
  public var deployments: [DeploymentRow] = []
  /// The last state of each changed schedule.
  public var schedules: [ScheduleID: ScheduleRow] = [:]
  /// The highest job number that was ever given out; 0 when it has not changed.
  public var lastJob: Int64 = 0
  /// The name that distinguishes this store from every other; written once.
  public var identity: String?

  public init() {}

  public var isEmpty: Bool {
    journal.isEmpty && instances.isEmpty && answers.isEmpty && timers.isEmpty && jobs.isEmpty && jobsRemoved.isEmpty
      && dead.isEmpty && deadRemoved.isEmpty && once.isEmpty && definitions.isEmpty && deployments.isEmpty
      && schedules.isEmpty && sources.isEmpty && versions.isEmpty && throttles.isEmpty && completions.isEmpty
      && bulk.isEmpty && identity == nil
  }
}

/// A text that is equal only to one with the same bytes, as databases and networks compare it.
public struct ExactText: Hashable, Sendable {
  public var text: String

  public init(_ text: String) { self.text = text }

  public static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  public func hash(into hasher: inout Hasher) { text.hash(into: &hasher) }
}
