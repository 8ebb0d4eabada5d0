import CEL
import FlowDiagram
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting
import FlowTime

// Mocked outcomes, the export of a session, and further queries.
extension Session {
  mutating func mock(_ text: String) -> Reply {
    guard let run else { return notLoaded }
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard parts.count == 2, let target = run.stepper.machine.target(named: parts[0], flow: run.flow) else {
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

  func showHistory() -> Reply {
    guard let run, !run.moves.isEmpty else { return Reply(text: "nothing has been done") }
    return Reply(text: testLines(of: run).joined(separator: "\n"))
  }

  private func testLines(of run: VirtualRun) -> [String] {
    run.moves.map { $0.testLine(in: run.stepper.machine, flow: run.flow) }
  }

  /// The session as a test that expects the current state.
  func export(_ text: String) -> Reply {
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard words.first == "test", words.count == 2 else { return failure("write `:export test NAME`") }
    guard let run, run.instance != nil else { return failure("no instance has started") }
    var lines = testLines(of: run)
    if !run.leafPaths.isEmpty { lines.append("expect state \(run.leafPaths.joined(separator: ", "))") }
    let name = JSON.string(words[1].filter { $0 != "\"" }).text()
    return Reply(text: "test \(name) {\n" + lines.map { "  \($0)\n" }.joined() + "}")
  }

  func save(_ path: String) -> Reply {
    let text = transcript.map { Session.line(for: $0) }.joined(separator: "\n")
    guard !path.isEmpty else { return Reply(text: text) }
    guard world.create(path, Array((text + "\n").utf8)) else {
      return failure("cannot write `\(path)`; existing files are not overwritten")
    }
    return Reply(text: "wrote \(path), \(transcript.count) lines")
  }

  /// The lines of a statement, which are parsed as the same statement again.
  private static func line(for statement: String) -> String {
    if statements(of: statement) == [statement] { return statement }
    return statement.split(whereSeparator: \.isNewline).map { String($0).trimmed }.joined(separator: " ")
  }

  mutating func source(_ path: String) -> Reply {
    guard sourceDepth < Session.maximumSourceDepth else { return failure("files run each other too deep") }
    guard let text = world.load(path) else { return failure("cannot read `\(path)`") }
    sourceDepth += 1
    defer { sourceDepth -= 1 }
    var out: [String] = []
    for statement in Session.statements(of: String(decoding: text, as: UTF8.self)) {
      let reply = feed(statement)
      if !reply.text.isEmpty { out.append(reply.text) }
      if reply.isError || reply.isOver {
        return Reply(text: out.joined(separator: "\n"), isError: reply.isError, isOver: reply.isOver)
      }
    }
    return Reply(text: out.joined(separator: "\n"))
  }

  static let maximumSourceDepth = 8

  // MARK: - Further queries

  func showTimers() -> Reply {
    guard let run, let machine, let instance = run.instance else { return failure("no instance has started") }
    let lines = instance.timers.sorted { $0.due < $1.due }.map { timer in
      let transition = machine.program.flows[run.flow].transitions[timer.transition]
      return "in \(DurationText.text(timer.due - run.now))  \(transition.location)"
    }
    return Reply(text: lines.isEmpty ? "no timer is set" : lines.joined(separator: "\n"))
  }

  func showDiagram(_ format: String) -> Reply {
    guard let run, let machine else { return notLoaded }
    switch format {
    case "": return Reply(text: textDiagram(machine.program, flow: run.flow))
    case "mermaid": return Reply(text: mermaid(machine.program, flow: run.flow))
    case "dot": return Reply(text: dot(machine.program, flow: run.flow))
    default: return failure("the formats are mermaid and dot")
    }
  }
}
