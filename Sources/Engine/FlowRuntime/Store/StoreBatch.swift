/// What one transaction writes.
public struct StoreBatch: Sendable {
  public var journal: [JournalEntry] = []
  /// Each instance once, as it is at the end.
  public var instances: [Int64: InstanceRow] = [:]
  /// Those of them that are new.
  public var created: Set<Int64> = []
  public var answers: [IdempotencyRow] = []
  /// Each timer once, as it is at the end; nil for one that is cleared.
  public var timers: [TimerID: Int64?] = [:]
  /// Each job once, as it is at the end.
  public var jobs: [Int64: JobRow] = [:]
  public var jobsRemoved: Set<Int64> = []
  public var dead: [DeadRow] = []
  /// Dead letters that are tried again, by the number of their job.
  public var deadRemoved: Set<Int64> = []
  public var once: [ExactText: OnceRow] = [:]
  /// How fast actions with a limit have gone out, as JSON.
  public var paces: [String: [UInt8]] = [:]
  public var definitions: [String: [UInt8]] = [:]
  /// The files that programs were compiled from, by the hash of the program.
  public var sources: [String: [UInt8]] = [:]
  /// The programs that flows are served from for the first time.
  public var versions: [VersionRow] = []
  public var deployments: [DeploymentRow] = []
  /// Each schedule once, as it is at the end; one that will never be due again is due at the end of time.
  public var schedules: [ScheduleID: ScheduleRow] = [:]
  /// The highest number that a job was ever given; 0 when that has not changed.
  public var lastJob: Int64 = 0
  /// What tells this store from every other; written once.
  public var identity: String?

  public init() {}

  public var isEmpty: Bool {
    journal.isEmpty && instances.isEmpty && answers.isEmpty && timers.isEmpty && jobs.isEmpty && jobsRemoved.isEmpty
      && dead.isEmpty && deadRemoved.isEmpty && once.isEmpty && definitions.isEmpty && deployments.isEmpty
      && schedules.isEmpty && sources.isEmpty && versions.isEmpty && paces.isEmpty && identity == nil
  }
}

/// A text that is only equal to one with the same bytes, as databases and networks compare it.
public struct ExactText: Hashable, Sendable {
  public var text: String

  public init(_ text: String) { self.text = text }

  public static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  public func hash(into hasher: inout Hasher) { text.hash(into: &hasher) }
}
