import FlowMachine
import FlowTesting

/// One instance of a session, with its history for undo and redo.
struct Timeline {
  /// The maximum number of steps that can be undone.
  static let maximumPast = 10_000

  let id: String
  private(set) var run: VirtualRun
  /// The runs before each step, oldest first.
  private(set) var past: [VirtualRun] = []
  /// The undone runs, the latest last.
  private(set) var undone: [VirtualRun] = []
  var marks: [String: VirtualRun] = [:]

  init(id: String, _ run: VirtualRun) {
    self.id = id
    self.run = run
  }

  /// The number of steps of a run.
  static func number(of run: VirtualRun) -> Int { run.instance?.revision ?? 0 }

  /// Continues with another run; the current one is added to the history.
  mutating func go(to next: VirtualRun) {
    past.append(run)
    run = next
    undone = []
    if past.count > Timeline.maximumPast { past.removeFirst() }
  }

  /// Replaces the current run without adding it to the history: time has passed, and nothing happened.
  mutating func drift(to next: VirtualRun) { run = next }

  /// False when there is nothing to undo.
  mutating func undo() -> Bool {
    guard let before = past.popLast() else { return false }
    undone.append(run)
    run = before
    return true
  }

  /// False when there is nothing to redo.
  mutating func redo() -> Bool {
    guard let next = undone.popLast() else { return false }
    past.append(run)
    run = next
    return true
  }

  /// The latest run with that number of steps, among the undone and redoable ones.
  func run(at number: Int) -> VirtualRun? {
    if Timeline.number(of: run) == number { return run }
    return (past + undone.reversed()).last { Timeline.number(of: $0) == number }
  }

  /// Undoes or redoes until the run has that number of steps; false when there is no such run.
  mutating func go(back number: Int) -> Bool {
    guard run(at: number) != nil else { return false }
    while Timeline.number(of: run) > number, undo() {}
    while Timeline.number(of: run) < number, redo() {}
    return Timeline.number(of: run) == number
  }

  /// A copy that starts at a run.
  func fork(id: String, at run: VirtualRun) -> Timeline {
    var copy = self
    copy = Timeline(id: id, run)
    copy.past = past.filter { Timeline.number(of: $0) < Timeline.number(of: run) }
    copy.marks = marks
    return copy
  }
}
