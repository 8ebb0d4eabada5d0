import CEL
import FlowCompiler
import FlowIR
import FlowMachine
import FlowSource
import FlowTesting

// Loading, sending, waiting, going back.
extension Session {
  mutating func loadFile(_ path: String) -> Reply {
    guard !path.isEmpty else { return failure("`:load` takes the path of a file") }
    let compilation = compile(path, load: load)
    let renderer = PrettyRenderer(sources: compilation.sources, style: style)
    let messages = compilation.filtered(by: RuleSelection()).map { renderer.render($0) }.joined(separator: "\n")
    guard let program = compilation.program else { return Reply(text: messages, isError: true) }
    do throws(ProgramError) {
      let machine = try Machine(program)
      self.machine = machine
      mocks = [:]
      past = []
      undone = []
      run = program.flows.isEmpty ? nil : VirtualRun(stepper: Stepper(machine), flow: 0, now: start)
    } catch {
      return failure(error.message)
    }
    let flows = program.flows.map { "\($0.name) (\($0.states.count - 1) states)" }.joined(separator: ", ")
    return Reply(text: (messages.isEmpty ? "" : messages + "\n") + "\(path): \(flows.isEmpty ? "no flows" : flows)")
  }

  mutating func begin(_ name: String) -> Reply {
    guard let machine else { return failure("load a file first, with `:load FILE`") }
    let names = machine.program.flows.map(\.name)
    let wanted = name.isEmpty ? names.first ?? "" : name
    guard let flow = machine.flow(named: wanted) else {
      return failure("there is no flow `\(wanted)`; there are \(names.joined(separator: ", "))")
    }
    remember()
    run = VirtualRun(stepper: Stepper(machine), flow: flow, now: run?.now ?? start)
    let events = machine.program.flows[flow].starts.compactMap(\.event).map { machine.program.events[$0].name }
    return Reply(text: "\(wanted) starts on \(events.joined(separator: ", "))")
  }

  mutating func send(_ text: String) -> Reply {
    guard var run else { return failure("load a file first, with `:load FILE`") }
    switch event(in: text, run) {
    case .failure(let problem): return failure(problem.message)
    case .success(let event):
      let happening = run.send(event: event.index, payload: event.payload, caller: event.caller)
      if case .accepted = happening.outcome { run.script.append(line(of: event, run)) }
      return show([happening] + answered(&run), run)
    }
  }

  mutating func advance(_ text: String) -> Reply {
    guard var run else { return failure("load a file first, with `:load FILE`") }
    let target: Int64
    if text == "next" {
      guard let timer = run.nextTimer else { return failure("no timer is set") }
      target = timer.due
    } else if let wait = LengthOfTime.milliseconds(text) {
      let (sum, overflow) = run.now.addingReportingOverflow(wait)
      target = overflow ? .max : sum
    } else {
      return failure("`:advance` takes a length of time such as `3d`, or `next`")
    }
    let wait = max(target - run.now, 0)
    let happenings = run.advance(to: target) + answered(&run)
    run.script.append("advance \(LengthOfTime.text(wait))")
    let reply = show(happenings, run)
    return happenings.isEmpty ? Reply(text: "+\(LengthOfTime.text(run.now - start)), nothing was due") : reply
  }

  mutating func end(_ text: String, isFailure: Bool) -> Reply {
    guard var run else { return failure("load a file first, with `:load FILE`") }
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard let name = parts.first, let target = target(named: name, run) else {
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
    guard let happening = run.end(where: { $0.target == target }, outcome) else {
      return failure("no call of `\(name)` waits")
    }
    run.script.append(line(of: name, outcome, run))
    return show([happening] + answered(&run), run)
  }

  mutating func undo() -> Reply {
    guard let before = past.popLast(), let run else { return failure("there is nothing to undo") }
    undone.append(run)
    self.run = before
    return Reply(text: "back to \(prompt.dropLast(2))")
  }

  mutating func redo() -> Reply {
    guard let next = undone.popLast(), let run else { return failure("there is nothing to redo") }
    past.append(run)
    self.run = next
    return Reply(text: "again \(prompt.dropLast(2))")
  }

  // MARK: - Helpers

  mutating func remember() {
    guard let run else { return }
    past.append(run)
    undone = []
    if past.count > Session.maximumHistory { past.removeFirst() }
  }

  /// Keeps what was accepted, and says what happened.
  private mutating func show(_ happenings: [VirtualRun.Happening], _ next: VirtualRun) -> Reply {
    guard let machine else { return Reply(text: "") }
    let isAccepted = happenings.contains { if case .accepted = $0.outcome { true } else { false } }
    if isAccepted || next.now != run?.now {
      remember()
      run = next
    }
    let text = StepText(machine: machine, style: style)
    let lines = happenings.map { text.describe($0, start: start) }
    return Reply(text: lines.joined(separator: "\n"), isError: !happenings.isEmpty && !isAccepted)
  }
}
