/// The answers that are in no table yet: they stand with their entries in the journal, and here by their hash.
///
/// Hashes meet the pages of a table at random, so that a table that took each at once would write a page for each.
/// Instead they gather as one run, and leave for the table in the order of its tree, a few with each commit, while the
/// next run gathers (after the log-structured merge-tree; O'Neil, Cheng, Gawlick and O'Neil, 1996).
struct RecentIdempotencyKeys {
  struct Answer {
    var digest: Int64
    var sequence: Int64
  }

  /// A run leaves when it has so many.
  static let runLength = 32_768
  /// A run leaves when the journal has grown by so much since the last, however few of its entries are answers: whoever
  /// starts reads that much of it.
  static let longestTail: Int64 = 200_000
  /// A run leaves in so many pieces: one for each value of the six highest bits of the hash.
  private static let pieceCount = 64

  private let runLength: Int
  private var gathering: [KeyHash: Answer] = [:]
  private var leaving: [KeyHash: Answer] = [:]
  /// What is left of the run that leaves, by the place in the table.
  private(set) var pieces: [[KeyHash]] = []
  /// All answers up to this entry are in the tables once the run has left.
  private(set) var runEnd: Int64 = 0
  /// When the first answer of each run was given, in milliseconds since 1970.
  private var begin: Int64 = 0
  private(set) var runBegin: Int64 = 0

  init(runLength: Int = RecentIdempotencyKeys.runLength) { self.runLength = runLength }

  subscript(_ hash: KeyHash) -> Answer? { gathering[hash] ?? leaving[hash] }

  /// True if a run is on its way.
  var isLeaving: Bool { !pieces.isEmpty }

  mutating func add(_ hash: KeyHash, _ answer: Answer, at instant: Int64) {
    if gathering.isEmpty { begin = instant }
    gathering[hash] = answer
  }

  /// Takes off the pieces that a commit has moved.
  mutating func drop(_ count: Int) {
    pieces.removeLast(count)
    if pieces.isEmpty { leaving = [:] }
  }

  /// Lets what has gathered leave when it is enough.
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

  /// Begins after what the tables have.
  mutating func begin(after sequence: Int64) { runEnd = sequence }
}
