import FlowDiagnostics
import FlowJSON
import FlowMachine
import FlowREPL
import FlowTesting
import Glibc

/// One call of `flow run`: reads events as they arrive, advances time, and prints each step.
struct RunDriver {
  private var script: EventScript
  private let options: RunOptions
  private let text: StepText
  private var lineNumber = 0
  private var hasRefused = false
  private var isStopped = false

  init(_ script: EventScript, _ options: RunOptions) {
    text = StepText(
      machine: script.machine, style: options.isJSON ? .plain : Terminal.outputStyle, trace: options.trace)
    self.script = script
    self.options = options
  }

  /// - Returns: The exit code.
  /// - Throws: `EventScript.Problem` at the first line that is invalid, or whose event is refused.
  mutating func run(input: JSON?) throws(EventScript.Problem) -> Int32 {
    if let input { try perform(try script.start(input, in: "--input")) }
    while !isStopped, !script.isGoalReached, let line = nextLine() {
      lineNumber += 1
      if line.allSatisfy({ $0 <= 0x20 }) { continue }
      try perform(try script.move(line, number: lineNumber))
    }
    if options.isReal { waitForTimers() } else { skipToGoal() }
    showEnd()
    if let goal = script.missedGoal, !hasRefused {
      Terminal.error("`\(goal)` never became true")
      return ExitCode.findings
    }
    return hasRefused || script.run.instance?.status == .failed ? ExitCode.findings : ExitCode.success
  }

  // MARK: - Lines

  /// The next line; with a real clock, timers fire while this waits.
  private mutating func nextLine() -> [UInt8]? {
    while !isStopped {
      let wait = options.isReal ? untilNextTimer : nil
      switch options.source.next(within: wait) {
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

  private mutating func perform(_ input: RunInput) throws(EventScript.Problem) {
    if options.isReal, case .advance(let wait) = input { return sleep(until: script.run.now.addingClamped(wait)) }
    do throws(EventScript.Problem) {
      show(try script.perform(input))
    } catch {
      var problem = error
      problem.message = "line \(lineNumber): \(error.message)"
      guard options.keepsGoing, !problem.isInput else { throw problem }
      Terminal.error(problem.message, help: problem.help)
      hasRefused = true
    }
  }

  // MARK: - Time

  private var untilNextTimer: Int64? { script.run.nextTimer.map { max($0.due - currentMilliseconds(), 0) } }

  /// Advances a real clock to the present.
  private mutating func catchUp() {
    if options.isReal { show(script.advance(to: currentMilliseconds())) }
  }

  private mutating func sleep(until instant: Int64) {
    while !isStopped, !script.isOver, currentMilliseconds() < instant {
      pause(min(untilNextTimer ?? .max, instant - currentMilliseconds()))
      catchUp()
    }
  }

  /// With a real clock: waits until no timer is set.
  private mutating func waitForTimers() {
    while !isStopped, !script.isOver, let wait = untilNextTimer {
      pause(wait)
      catchUp()
    }
  }

  /// With a virtual clock: advances from timer to timer until the goal is reached.
  private mutating func skipToGoal() {
    for _ in 0..<VirtualRun.maximumFirings {
      guard !isStopped, !script.isOver, script.missedGoal != nil, let timer = script.run.nextTimer else { return }
      show(script.advance(to: timer.due))
    }
  }

  private func pause(_ milliseconds: Int64) { poll(nil, 0, Int32(clamping: max(milliseconds, 1))) }

  // MARK: - Reports

  private mutating func show(_ events: [VirtualRun.RunEvent]) {
    for event in events {
      Terminal.output(
        (options.isJSON ? text.json(event).text() : text.describe(event, start: script.start)) + "\n")
      guard case .refused(let refusal) = event.outcome else { continue }
      Terminal.error(lineNumber > 0 ? "line \(lineNumber): \(refusal.message)" : refusal.message)
      hasRefused = true
      isStopped = isStopped || !options.keepsGoing
    }
  }

  /// The state of the instance, and the calls that are outstanding.
  private func showEnd() {
    if options.isJSON { return Terminal.output(text.json(endOf: script.run).text() + "\n") }
    for work in script.run.outstanding where work.isAwaited {
      Terminal.output("waits for \(text.describe(work.job))\n")
    }
  }
}
