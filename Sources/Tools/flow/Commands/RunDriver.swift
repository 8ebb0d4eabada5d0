import FlowDiagnostics
import FlowJSON
import FlowMachine
import FlowREPL
import FlowTesting
import Glibc

/// One call of `flow run`: takes lines as they come, lets time pass, and prints what happens.
struct RunDriver {
  private var script: EventScript
  private let choices: RunChoices
  private let text: StepText
  private var lineNumber = 0
  private var hasRefused = false
  private var isStopped = false

  init(_ script: EventScript, _ choices: RunChoices) {
    text = StepText(
      machine: script.machine, style: choices.isJSON ? .plain : Terminal.outputStyle, trace: choices.trace)
    self.script = script
    self.choices = choices
  }

  /// - Returns: The exit code.
  /// - Throws: `EventScript.Problem` at the first line that makes no sense, or can't be taken.
  mutating func run(input: JSON?) throws(EventScript.Problem) -> Int32 {
    if let input { try perform(try script.start(input, in: "--input")) }
    while !isStopped, !script.isGoalReached, let line = nextLine() {
      lineNumber += 1
      if line.allSatisfy({ $0 <= 0x20 }) { continue }
      try perform(try script.move(line, number: lineNumber))
    }
    if choices.isReal { waitForTimers() } else { skipToGoal() }
    showEnd()
    if let goal = script.missedGoal, !hasRefused {
      Terminal.complain("`\(goal)` did not come to hold")
      return ExitCode.findings
    }
    return hasRefused || script.run.instance?.status == .failed ? ExitCode.findings : ExitCode.fine
  }

  // MARK: - Lines

  /// The next line; with a real clock timers fire while it is waited for.
  private mutating func nextLine() -> [UInt8]? {
    while !isStopped {
      let wait = choices.isReal ? untilNextTimer : nil
      switch choices.source.next(within: wait) {
      case .line(let line):
        catchUp()
        return isStopped ? nil : line
      case .timeout:
        catchUp()
        if script.isOver { return nil }
      case .end: return nil
      }
    }
    return nil
  }

  private mutating func perform(_ move: RunInput) throws(EventScript.Problem) {
    if choices.isReal, case .advance(let wait) = move { return sleep(until: script.run.now.addingClamped(wait)) }
    do throws(EventScript.Problem) {
      report(try script.perform(move))
    } catch {
      var problem = error
      problem.message = "line \(lineNumber): \(error.message)"
      guard choices.isKeptGoing, !problem.isInput else { throw problem }
      Terminal.complain(problem.message, help: problem.help)
      hasRefused = true
    }
  }

  // MARK: - Time

  private var untilNextTimer: Int64? { script.run.nextTimer.map { max($0.due - currentMilliseconds(), 0) } }

  /// Brings a real clock up to now.
  private mutating func catchUp() {
    if choices.isReal { report(script.advance(to: currentMilliseconds())) }
  }

  private mutating func sleep(until instant: Int64) {
    while !isStopped, !script.isOver, currentMilliseconds() < instant {
      pause(min(untilNextTimer ?? .max, instant - currentMilliseconds()))
      catchUp()
    }
  }

  /// With a real clock: goes on until nothing can happen any more.
  private mutating func waitForTimers() {
    while !isStopped, !script.isOver, let wait = untilNextTimer {
      pause(wait)
      catchUp()
    }
  }

  /// With a virtual one: goes on from timer to timer as long as there is something to reach.
  private mutating func skipToGoal() {
    for _ in 0..<VirtualRun.maximumFirings {
      guard !isStopped, !script.isOver, script.missedGoal != nil, let timer = script.run.nextTimer else { return }
      report(script.advance(to: timer.due))
    }
  }

  private func pause(_ milliseconds: Int64) { poll(nil, 0, Int32(clamping: max(milliseconds, 1))) }

  // MARK: - Reports

  private mutating func report(_ happenings: [VirtualRun.RunEvent]) {
    for happening in happenings {
      Terminal.output(
        (choices.isJSON ? text.json(happening).text() : text.describe(happening, start: script.start)) + "\n")
      guard case .refused(let refusal) = happening.outcome else { continue }
      Terminal.complain(lineNumber > 0 ? "line \(lineNumber): \(refusal.message)" : refusal.message)
      hasRefused = true
      isStopped = isStopped || !choices.isKeptGoing
    }
  }

  /// How the instance stands, and what it waits for.
  private func showEnd() {
    if choices.isJSON { return Terminal.output(text.json(endOf: script.run).text() + "\n") }
    for work in script.run.outstanding where work.isAwaited {
      Terminal.output("waits for \(text.describe(work.job))\n")
    }
  }
}
