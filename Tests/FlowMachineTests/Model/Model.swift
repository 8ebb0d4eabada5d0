/// A second, simple and slow implementation of statecharts, with sets of paths and without precomputation.
///
/// A value type: a copy before a step preserves the instance.
struct Model {
  /// A planted bug.
  enum Mistake: CaseIterable {
    /// Inner states are entered first.
    case entersInsideOut
    /// A parallel state in a region does not complete the enclosing one.
    case doneDoesNotClimb
    /// Earlier regions are exited before later ones.
    case leavesEarlierRegionsFirst
    /// History restores the children only, not the innermost states.
    case historyIsShallow
    /// The event that was raised last is handled first.
    case raisedInReverse
    /// History enters states with the defaults of their fields.
    case historyForgetsFields
    /// Arguments are evaluated after the actions.
    case argumentsAfterActions
  }

  /// The code of the refusal of an input.
  struct Refusal: Error { var code: String }

  struct Timer: Hashable {
    var reaction: Int
    var due: Int64
    var period: Int64?
  }

  /// The caller of the current event.
  enum Sender: Hashable { case anybody, boss, nobody }

  struct PutOff: Hashable {
    var event: Int
    var given: Int
    var sender: Sender
  }

  enum Inner {
    case raised(Int, given: Int)
    case done(String)
  }

  enum Status: String { case running, done, failed }

  /// Represents an endless chain of microsteps.
  static let impatience = "impatience"

  let chart: Chart
  /// All states in document order, the root first.
  let nodes: [Node]
  private let byPath: [String: Node]
  var mistake: Mistake?
  /// The limit of microsteps; that of the interpreter is above one thousand.
  var patience = 1000

  // State that persists between steps.
  var status = Status.running
  /// The paths of the active states; the path of the root is empty.
  var active: Set<String> = []
  var values: [Int] = []
  /// The fields of states, by path; those of inactive states are never read.
  var owned: [String: Int] = [:]
  var timers: [Timer] = []
  var memory: [String: Set<String>] = [:]
  var putOff: [PutOff] = []

  // State of the current step.
  var now: Int64 = 0
  var sender = Sender.nobody
  var given: Int?
  var queue: [Inner] = []
  var log: [String] = []
  /// The deferred events that were offered and refused, with the code.
  var refused: [String] = []
  var microsteps = 0
  /// The arguments of the microstep, and the states that it restores, by path.
  var arguments: [String: Int] = [:]
  var restored: Set<String> = []

  init(_ chart: Chart, mistake: Mistake? = nil) {
    self.chart = chart
    self.mistake = mistake
    nodes = chart.root.all
    byPath = Dictionary(nodes.map { ($0.path, $0) }) { first, _ in first }
    values = chart.values
  }

  // MARK: - Lookup

  func node(_ path: String) -> Node { byPath[path] ?? chart.root }

  func isInside(_ path: String, _ outer: String) -> Bool {
    if outer.isEmpty { return !path.isEmpty }
    return path.hasPrefix(outer) && path.utf8.dropFirst(outer.utf8.count).first == UInt8(ascii: ".")
  }

  func parent(of path: String) -> String { path.split(separator: ".").dropLast().joined(separator: ".") }

  /// The innermost active states, in document order.
  var leaves: [String] {
    nodes.filter { node in
      !node.path.isEmpty && active.contains(node.path) && !node.children.contains { active.contains($0.path) }
    }.map(\.path)
  }

  // MARK: - Inputs

  mutating func start(now: Int64, isBoss: Bool) throws(Refusal) {
    begin(now, isBoss ? .boss : .anybody)
    active = [""]
    (arguments, restored) = ([:], [])
    try perform(chart.startActs)
    for reaction in chart.root.reactions { arm(reaction) }
    try enterChildren(of: chart.root, towards: [chart.first])
    try settle()
  }

  /// - Returns: The outcome of the event.
  mutating func take(_ event: Int, given: Int, isBoss: Bool, now: Int64) throws(Refusal) -> String {
    guard status == .running else { throw Refusal(code: "ended") }
    begin(now, isBoss ? .boss : .anybody)
    self.given = given
    let answer = try select(.event(event))
    if !answer.chosen.isEmpty {
      try macrostep(answer.chosen)
      return "applied"
    }
    if answer.isPutOff {
      try keep(PutOff(event: event, given: given, sender: sender))
      return "deferred"
    }
    if answer.isIgnored { return "ignored" }
    throw Refusal(code: try refusal(of: event))
  }

  /// - Returns: The outcome of the timer.
  mutating func fire(_ timer: Timer, now: Int64) throws(Refusal) -> String {
    let before = self
    do throws(Refusal) {
      return try fireOnce(timer, now)
    } catch {
      if error.code == Model.impatience { throw error }
      self = before
      if try recover(timer, now) { return "applied" }
      self = before
      throw error
    }
  }

  private mutating func fireOnce(_ timer: Timer, _ now: Int64) throws(Refusal) -> String {
    begin(now, .nobody)
    rearm(timer)
    guard let found = reaction(timer.reaction), try holds(found.reaction) else {
      try endIfNothingCanHappen()
      if status != .running { try checkBound() }
      return "ignored"
    }
    try macrostep([found])
    return "applied"
  }

  /// Passes a failed timer to `on error`.
  private mutating func recover(_ timer: Timer, _ now: Int64) throws(Refusal) -> Bool {
    begin(now, .nobody)
    rearm(timer)
    let before = self
    do throws(Refusal) {
      let answer = try select(.error)
      if answer.chosen.isEmpty { return false }
      try macrostep(answer.chosen)
      return true
    } catch {
      self = before
      return false
    }
  }

  private mutating func rearm(_ timer: Timer) {
    timers.removeAll { $0 == timer }
    guard let period = timer.period else { return }
    var next = timer
    while next.due <= max(now, timer.due) { next.due += period }
    timers.append(next)
  }

  func reaction(_ number: Int) -> Chosen? {
    for node in nodes {
      for reaction in node.reactions where reaction.number == number {
        return Chosen(source: node.path, reaction: reaction)
      }
    }
    return nil
  }

  private mutating func begin(_ now: Int64, _ sender: Sender) {
    self.now = now
    self.sender = sender
    given = nil
    queue = []
    log = []
    refused = []
    microsteps = 0
  }

  mutating func keep(_ event: PutOff) throws(Refusal) {
    guard putOff.count < 64 else { throw Refusal(code: "too-many-deferred") }
    putOff.append(event)
  }
}
