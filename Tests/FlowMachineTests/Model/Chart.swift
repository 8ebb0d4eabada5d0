/// A machine as the generator describes it: a tree, and nothing worked out beforehand.
struct Chart {
  /// How many events come from outside, and how many more there are that are only raised.
  static let outside = 3
  static let events = ["Go", "Turn", "StepFailure", "Jump", "Inner", "Echo", "Last"]
  static let jump = 3
  static let fields = ["a", "b", "c"]

  var root: Node
  /// The state that the start names.
  var first: String
  var startActs: [ChartAct]
  /// What the fields begin with.
  var values: [Int]
  /// The sum of all fields stays below it.
  var bound: Int?
}

/// A state with all that is in it.
struct Node {
  enum Kind { case root, plain, parallel, region, final, failed }

  var name: String
  /// The names from the top, joined by dots; empty for the root.
  var path: String
  var kind: Kind
  var isInitial = false
  var children: [Node] = []
  var entry: [ChartAct] = []
  var exit: [ChartAct] = []
  var reactions: [Reaction] = []
  var ignored: [Int] = []
  var deferred: [Int] = []

  var isFinal: Bool { kind == .final || kind == .failed }

  /// The state and all inside of it, in document order.
  var all: [Node] { [self] + children.flatMap(\.all) }
}

/// `TRIGGER [by boss] [when CONDITION] [-> TARGET [reenter]] [do ACTS]`
struct Reaction {
  enum Trigger: Hashable {
    case events([Int]), any, always, done, error
    /// In milliseconds; `at` counts from the instant of entering as well.
    case after(Int64), every(Int64), at(Int64)
  }

  /// What it is known by, in this chart.
  var number: Int
  var trigger: Trigger
  var isForBoss = false
  var condition: Condition?
  /// The path of a state.
  var target: String?
  var isHistory = false
  var isReenter = false
  var acts: [ChartAct] = []

  var isTimer: Bool {
    switch trigger {
    case .after, .every, .at: true
    case .events, .any, .always, .done, .error: false
    }
  }
}

/// One thing that is done, perhaps only under a condition.
struct ChartAct {
  indirect enum Kind {
    case assign(Int, Term)
    case raise(Int, Term)
    /// A word, a number, and where the instance is.
    case log(String, Term)
  }

  var kind: Kind
  var condition: Condition?
}

/// A whole number.
indirect enum Term {
  case number(Int)
  case field(Int)
  /// What the event brings along.
  case given
  case sum(Term, Term)
  case remainder(Term, Int)
  /// Fails for a divisor of zero.
  case quotient(Int, Term)
}

/// What holds or does not.
indirect enum Condition {
  case less(Term, Term)
  case equal(Term, Term)
  /// The active states have a name in them.
  case mentions(String)
  case not(Condition)
  case both(Condition, Condition)
}
