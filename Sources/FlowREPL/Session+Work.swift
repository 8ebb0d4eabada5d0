import CEL
import FlowDiagram
import FlowIR
import FlowMachine
import FlowSource
import FlowTesting

// Answers that come by themselves, ways to a state, and what a session leaves behind.
extension Session {
  /// The action, or the flow that can be called, of that name; or what a call of that name calls.
  func target(named name: String, _ run: VirtualRun) -> Call.Target? {
    run.stepper.machine.target(named: name, flow: run.flow)
  }

  mutating func mock(_ text: String) -> Reply {
    guard let run else { return failure("load a file first, with `:load FILE`") }
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard parts.count == 2, let target = target(named: parts[0], run) else {
      return failure("write `:mock ACTION = RESULT` or `:mock ACTION fail CODE`")
    }
    let rest = parts[1].trimmed
    let name = run.stepper.machine.name(of: target)
    if rest.hasPrefix("fail") {
      let code = rest.dropFirst(4).filter { $0 != "\"" && $0 != "(" && $0 != ")" && $0 != " " }
      mocks[name] = .failed(code: code.isEmpty ? "FAILED" : code, message: "mocked", attempts: 1)
      return Reply(text: "`\(name)` fails with \(code)")
    }
    let literal = rest.hasPrefix("=") ? String(rest.dropFirst()).trimmed : rest
    switch value(literal, as: run.stepper.machine.result(of: target) ?? .dyn, run) {
    case .failure(let problem): return failure(problem.message)
    case .success(let value):
      mocks[name] = .done(value)
      return Reply(text: "`\(name)` answers \(value.source(in: run.stepper.machine.types))")
    }
  }

  mutating func unmock(_ name: String) -> Reply {
    mocks.removeValue(forKey: name) == nil ? failure("`\(name)` is not mocked") : Reply(text: "`\(name)` waits again")
  }

  /// Ends what is mocked, until nothing mocked waits any more.
  func answered(_ run: inout VirtualRun) -> [VirtualRun.Happening] {
    let machine = run.stepper.machine
    return run.answerAll { mocks[machine.name(of: $0.target)] }.map { answered in
      run.script.append(line(of: machine.name(of: answered.job.target), answered.outcome, run))
      return answered.happening
    }
  }

  // MARK: - Lines of a test

  func line(of event: TypedEvent, _ run: VirtualRun) -> String {
    let roles = event.caller.roles.isEmpty ? "" : " by " + event.caller.roles.joined(separator: ", ")
    let caller = event.caller.id.isEmpty ? "" : " as \(JSON.string(event.caller.id).text())"
    return "send \(event.payload.source(in: run.stepper.machine.types))\(roles)\(caller)"
  }

  func line(of name: String, _ outcome: CallOutcome, _ run: VirtualRun) -> String {
    switch outcome {
    case .done(.null): "complete \(name)"
    case .done(let value): "complete \(name) with \(value.source(in: run.stepper.machine.types))"
    case .failed(let code, _, _): "fail \(name) \"\(code)\""
    }
  }

  func showHistory() -> Reply {
    guard let run, !run.script.isEmpty else { return Reply(text: "nothing has been done") }
    return Reply(text: run.script.enumerated().map { "#\($0.offset + 1) \($0.element)" }.joined(separator: "\n"))
  }

  /// The session as a test that expects what holds now.
  func export(_ text: String) -> Reply {
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard words.first == "test", words.count == 2 else { return failure("write `:export test NAME`") }
    guard let run, run.instance != nil else { return failure("no instance has started") }
    var lines = run.script
    if !run.leafPaths.isEmpty { lines.append("expect state \(run.leafPaths.joined(separator: ", "))") }
    let name = JSON.string(words[1].filter { $0 != "\"" }).text()
    return Reply(text: "test \(name) {\n" + lines.map { "  \($0)\n" }.joined() + "}")
  }

  func save() -> Reply { Reply(text: transcript.joined(separator: "\n")) }

  mutating func source(_ path: String) -> Reply {
    guard sourceDepth < Session.maximumSourceDepth else { return failure("files run each other too deep") }
    guard let text = load(path) else { return failure("cannot read `\(path)`") }
    sourceDepth += 1
    defer { sourceDepth -= 1 }
    var out: [String] = []
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let reply = feed(String(line))
      if !reply.text.isEmpty { out.append(reply.text) }
      if reply.isError || reply.isOver {
        return Reply(text: out.joined(separator: "\n"), isError: reply.isError, isOver: reply.isOver)
      }
    }
    return Reply(text: out.joined(separator: "\n"))
  }

  static let maximumSourceDepth = 8

  // MARK: - Looking further

  func showTimers() -> Reply {
    guard let run, let machine, let instance = run.instance else { return failure("no instance has started") }
    let lines = instance.timers.sorted { $0.due < $1.due }.map { timer in
      let transition = machine.program.flows[run.flow].transitions[timer.transition]
      return "in \(LengthOfTime.text(timer.due - run.now))  \(transition.place)"
    }
    return Reply(text: lines.isEmpty ? "no timer is set" : lines.joined(separator: "\n"))
  }

  /// How many random runs look for a way.
  static let pathRuns = 2000

  func showPath(_ name: String) -> Reply {
    guard let run, let machine else { return failure("load a file first, with `:load FILE`") }
    let states = machine.program.flows[run.flow].states
    guard let state = states.indices.dropFirst().first(where: { states[$0].path == name || states[$0].name == name })
    else {
      let guess = Suggestion.closest(to: name, among: states.dropFirst().map(\.path)).first
      return failure("there is no state `\(name)`" + (guess.map { ", did you mean `\($0)`?" } ?? ""))
    }
    guard let simulation = try? Simulation(machine.program, flow: run.flow),
      let lines = simulation.path(to: state, runs: Session.pathRuns, seed: 1)
    else { return failure("none of \(Session.pathRuns) random runs came to `\(states[state].path)`") }
    return Reply(text: lines.joined(separator: "\n"))
  }

  func showDiagram(_ format: String) -> Reply {
    guard let run, let machine else { return failure("load a file first, with `:load FILE`") }
    switch format {
    case "": return Reply(text: textDiagram(machine.program, flow: run.flow))
    case "mermaid": return Reply(text: mermaid(machine.program, flow: run.flow))
    case "dot": return Reply(text: dot(machine.program, flow: run.flow))
    default: return failure("the formats are mermaid and dot")
    }
  }
}
