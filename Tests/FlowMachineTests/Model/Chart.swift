/// A statechart as a plain tree, without precomputed data.
struct Chart {
  /// The number of external events, and of events that are only raised.
  static let outside = 3
  static let events = ["Go", "Turn", "StepFailure", "Jump", "Inner", "Echo", "Last"]
  static let jump = 3
  static let fields = ["a", "b", "c"]

  var root: Node
  /// The target of the start.
  var first: String
  var startActs: [ChartAct]
  /// The initial values of the fields.
  var values: [Int]
  /// The invariant: an upper bound for the sum of all fields.
  var bound: Int?
}

/// A state with its members.
struct Node {
  enum Kind { case root, plain, parallel, region, final, failed }

  var name: String
  /// The path from the root, joined by dots; empty for the root.
  var path: String
  var kind: Kind
  var isInitial = false
  /// The default of its field; nil without one.
  var field: Term?
  var children: [Node] = []
  var entry: [ChartAct] = []
  var exit: [ChartAct] = []
  var reactions: [Reaction] = []
  var ignored: [Int] = []
  var deferred: [Int] = []

  /// The name of the field of a state with this path: the same for states that do not contain each other.
  static func fieldName(_ path: String) -> String { "d\(path.split(separator: ".").count)" }

  var isFinal: Bool { kind == .final || kind == .failed }

  /// The state and its descendants, in document order.
  var all: [Node] { [self] + children.flatMap(\.all) }
}

/// `TRIGGER [by boss] [when CONDITION] [-> TARGET [reenter]] [do ACTS]`
struct Reaction {
  enum Trigger: Hashable {
    case events([Int]), any, always, done, error
    /// In milliseconds; `at` is also relative to the time of entry.
    case after(Int64), every(Int64), at(Int64)
  }

  /// Its number in this chart.
  var number: Int
  var trigger: Trigger
  var isForBoss = false
  var condition: Condition?
  /// The path of a state.
  var target: String?
  /// The value of the target's field.
  var argument: Term?
  var isHistory = false
  var isReenter = false
  var statements: [ChartAct] = []

  var isTimer: Bool {
    switch trigger {
    case .after, .every, .at: true
    case .events, .any, .always, .done, .error: false
    }
  }
}

/// A statement, possibly with a condition.
struct ChartAct {
  indirect enum Kind {
    case assign(Int, Term)
    /// The field of the state with a path.
    case assignOwn(String, Term)
    case raise(Int, Term)
    /// A word, a number and the active states.
    case log(String, Term)
  }

  var kind: Kind
  var condition: Condition?
}

/// A whole number.
indirect enum Term {
  case number(Int)
  case field(Int)
  /// The field of the state with a path, which is active where it is read.
  case own(String)
  /// The number in the payload of the event.
  case given
  case sum(Term, Term)
  case remainder(Term, Int)
  /// Fails for a divisor of zero.
  case quotient(Int, Term)
}

/// A condition.
indirect enum Condition {
  case less(Term, Term)
  case equal(Term, Term)
  /// Whether a state with this name is active.
  case mentions(String)
  case not(Condition)
  case both(Condition, Condition)
}
