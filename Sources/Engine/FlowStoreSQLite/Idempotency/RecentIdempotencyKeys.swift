import FlowRuntime

/// The answers that are not yet in a table: stored with their journal entries, and indexed here by their hash.
///
/// Hashes are distributed randomly over the pages of a table, so that immediate insertion would write a page for each.
/// Instead they gather as a run, which is moved to the table in the order of its tree, a few with each commit, while
/// the next run gathers (after the log-structured merge-tree; O'Neil, Cheng, Gawlick and O'Neil, 1996).
struct RecentIdempotencyKeys {
  struct Answer {
    var digest: Int64
    var sequence: Int64
  }

  /// The number of answers at which a run is moved.
  static let runLength = 32_768
  /// The growth of the journal at which a run is moved, in entries, for a journal with few answers. A starting server
  /// reads at most this many entries.
  static let longestTail: Int64 = 200_000
  /// The number of pieces in which a run is moved: one for each value of the six highest bits of the hash.
  private static let pieceCount = 64

  private let runLength: Int
  private var gathering: [KeyHash: Answer] = [:]
  private var leaving: [KeyHash: Answer] = [:]
  /// The remaining pieces of the departing run, in the order of the table.
  private(set) var pieces: [[KeyHash]] = []
  /// All answers up to this entry are in the tables once the run is moved.
  private(set) var runEnd: Int64 = 0
  /// The time of the first answer in each run, in milliseconds since 1970.
  private var begin: Int64 = 0
  private(set) var runBegin: Int64 = 0

  init(runLength: Int = RecentIdempotencyKeys.runLength) { self.runLength = runLength }

  subscript(_ hash: KeyHash) -> Answer? { gathering[hash] ?? leaving[hash] }

  /// True if a run is being moved.
  var isLeaving: Bool { !pieces.isEmpty }

  mutating func add(_ hash: KeyHash, _ answer: Answer, at instant: Int64) {
    if gathering.isEmpty { begin = instant }
    gathering[hash] = answer
  }

  /// Removes the pieces that a commit has moved.
  mutating func drop(_ count: Int) {
    pieces.removeLast(count)
    if pieces.isEmpty { leaving = [:] }
  }

  /// Starts moving the gathered run when it is large enough.
  /// - Parameter last: The newest entry of the journal.
  mutating func age(last: Int64) {
    guard !isLeaving, gathering.count >= runLength || last - runEnd >= RecentIdempotencyKeys.longestTail else {
      return
    }
    (leaving, gathering) = (gathering, [:])
    (runEnd, runBegin) = (last, begin)
    pieces = Array(repeating: [], count: RecentIdempotencyKeys.pieceCount)
    for hash in leaving.keys { pieces[Int(UInt64(bitPattern: hash.high) >> 58)].append(hash) }
  }

  /// Starts after the last entry whose answers are in the tables.
  mutating func begin(after sequence: Int64) { runEnd = sequence }
}
