import CEL
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting
import FlowTime

// Events, waits, and undo.
extension Session {
  mutating func send(_ text: String) -> Reply {
    guard var run else { return notLoaded }
    switch event(in: text, run) {
    case .failure(let problem): return failure(problem.message)
    case .success(let event):
      let runEvent = run.send(event: event.index, payload: event.payload, caller: event.caller)
      return record([runEvent] + answered(&run), run)
    }
  }

  mutating func start(_ text: String) -> Reply {
    guard var run else { return notLoaded }
    let flow = run.program.flows[run.flow]
    guard flow.isCallable else { return failure("`\(flow.name)` has no parameters, it starts on an event") }
    guard run.instance == nil else { return failure("it has started; `:new \(flow.name)` starts another one") }
    switch value(text.isEmpty ? "{}" : text, as: .record(flow.parameters.name), run) {
    case .failure(let problem): return failure(problem.message)
    case .success(let arguments):
      let runEvent = run.start(arguments: arguments)
      return record([runEvent] + answered(&run), run)
    }
  }

  mutating func advance(_ text: String) -> Reply {
    guard var run else { return notLoaded }
    let target: Int64
    if text == "next" {
      guard let due = run.nextDue else { return failure("no timer is set") }
      target = due
    } else if let wait = DurationText.milliseconds(text) {
      target = run.now.addingClamped(wait)
    } else {
      return failure("`:advance` takes a duration such as `3d`, or `next`")
    }
    let runEvents = advance(&run, to: target)
    let reply = record(runEvents, run)
    return runEvents.isEmpty ? Reply(text: "+\(DurationText.text(run.now - start)), nothing was due") : reply
  }

  /// Advances the clock; mocked calls are completed between the timers.
  func advance(_ run: inout VirtualRun, to instant: Int64) -> [VirtualRun.RunEvent] {
    var runEvents: [VirtualRun.RunEvent] = []
    while let due = run.nextDue, due <= instant, runEvents.count < VirtualRun.maximumFirings,
      !world.isInterrupted()
    {
      runEvents += run.advance(to: due) + answered(&run)
    }
    return world.isInterrupted() ? runEvents : runEvents + run.advance(to: instant)
  }

  mutating func end(_ text: String, isFailure: Bool) -> Reply {
    guard var run else { return notLoaded }
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard let name = parts.first, let target = run.stepper.machine.target(named: name, flow: run.flow) else {
      let names = run.outstanding.map { run.stepper.machine.name(of: $0.job.target) }
      return failure("say which action: " + names.joined(separator: ", "))
    }
    let rest = parts.count > 1 ? parts[1].trimmed : ""
    let outcome: CallOutcome
    if isFailure {
      let code = rest.filter { $0 != "\"" }
      outcome = .failed(code: code.isEmpty ? "FAILED" : code, message: "failed by hand", attempts: 1)
    } else {
      switch value(rest.isEmpty ? "null" : rest, as: run.stepper.machine.result(of: target) ?? .dyn, run) {
      case .failure(let problem): return failure(problem.message)
      case .success(let value): outcome = .done(value)
      }
    }
    guard let runEvent = run.end(where: { $0.target == target }, outcome) else {
      return failure("no call of `\(name)` waits")
    }
    return record([runEvent] + answered(&run), run)
  }

  /// Completes mocked calls until none is waiting.
  func answered(_ run: inout VirtualRun) -> [VirtualRun.RunEvent] {
    let machine = run.stepper.machine
    return run.answerAll { mocks[machine.name(of: $0.target)] }.map(\.runEvent)
  }

  /// Stores the accepted run, and describes its steps.
  private mutating func record(_ runEvents: [VirtualRun.RunEvent], _ next: VirtualRun) -> Reply {
    let isAccepted = runEvents.contains { if case .accepted = $0.outcome { true } else { false } }
    if isAccepted || next.now != run?.now { tracks[current].go(to: next) }
    guard let machine else { return Reply(text: "") }
    let writer = StepText(machine: machine, style: .plain)
    return Reply(
      text: describe(runEvents), isError: !runEvents.isEmpty && !isAccepted,
      result: ["steps": .array(runEvents.map { writer.json($0) })])
  }

  func describe(_ runEvents: [VirtualRun.RunEvent]) -> String {
    guard let machine else { return "" }
    let writer = StepText(machine: machine, style: style, trace: settings.trace)
    return runEvents.map { writer.describe($0, start: start) }.joined(separator: "\n")
  }

  // MARK: - Undo and redo

  mutating func undo(_ text: String) -> Reply {
    repeatedly(text, verb: "undo") { $0.undo() } ?? Reply(text: "back to \(prompt.dropLast(2))")
  }

  mutating func redo(_ text: String) -> Reply {
    repeatedly(text, verb: "redo") { $0.redo() } ?? Reply(text: "again \(prompt.dropLast(2))")
  }

  /// Nil when at least one turn was possible.
  private mutating func repeatedly(_ text: String, verb: String, turn: (inout Timeline) -> Bool) -> Reply? {
    guard let count = text.isEmpty ? 1 : Int(text), count > 0 else {
      return failure("`:\(verb)` takes a number of steps, not `\(text)`")
    }
    guard !tracks.isEmpty, turn(&tracks[current]) else { return failure("there is nothing to \(verb)") }
    var left = count - 1
    while left > 0, turn(&tracks[current]) { left -= 1 }
    return nil
  }
}
