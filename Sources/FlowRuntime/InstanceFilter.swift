/// Which instances a list is about.
public struct InstanceFilter: Hashable, Sendable {
  public var flow: String?
  /// 0 running, 1 done, 2 failed.
  public var status: Int?
  /// What the key begins with, byte for byte.
  public var keyPrefix: String?
  /// Milliseconds since 1970; the bounds themselves are out.
  public var updatedAfter: Int64?
  public var updatedBefore: Int64?
  /// By their number from the newest to the oldest, instead of the other way round.
  public var isNewestFirst = false

  public init(flow: String? = nil) { self.flow = flow }
}

/// How many instances of a flow stand in the same place.
public struct InstanceCount: Hashable, Sendable {
  public var flow: String
  public var status: Int
  /// The innermost active states, as a JSON list of paths.
  public var states: [UInt8]
  public var count: Int
  /// How many of them have an incident.
  public var incidents: Int
  /// When the one that has not moved for the longest time was last written.
  public var oldest: Int64

  public init(flow: String, status: Int, states: [UInt8], count: Int, incidents: Int, oldest: Int64) {
    self.flow = flow
    self.status = status
    self.states = states
    self.count = count
    self.incidents = incidents
    self.oldest = oldest
  }
}

/// How much work waits.
public struct WorkCount: Hashable, Sendable {
  public struct Queue: Hashable, Sendable {
    /// Of outside workers; nil for the engine's own runners.
    public var name: String?
    public var count: Int

    public init(name: String?, count: Int) {
      self.name = name
      self.count = count
    }
  }

  public var timers: Int
  public var jobs: [Queue]
  public var deadLetters: Int

  public init(timers: Int, jobs: [Queue], deadLetters: Int) {
    self.timers = timers
    self.jobs = jobs
    self.deadLetters = deadLetters
  }
}

/// A dead letter with its number and the names of its instance.
public struct DeadLetter: Hashable, Sendable {
  public var id: Int64
  public var flow: String
  public var key: String
  public var row: DeadRow

  public init(id: Int64, flow: String, key: String, row: DeadRow) {
    self.id = id
    self.flow = flow
    self.key = key
    self.row = row
  }
}

/// How far the journal goes, and whose it is.
public struct JournalSpan: Hashable, Sendable {
  /// What tells the store from every other.
  public var identity: String
  /// The oldest entry that is kept; one more than `last` when there is none.
  public var first: Int64
  public var last: Int64

  public init(identity: String, first: Int64, last: Int64) {
    self.identity = identity
    self.first = first
    self.last = last
  }
}
