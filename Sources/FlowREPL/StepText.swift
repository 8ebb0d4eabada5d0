import CEL
import FlowIR
public import FlowMachine
public import FlowSource

/// Writes steps and refusals for people.
public struct StepText {
  let machine: Machine
  let style: TerminalStyle

  public init(machine: Machine, style: TerminalStyle) {
    self.machine = machine
    self.style = style
  }

  /// The step in a line, and a line for each thing that it asked for.
  public func describe(_ happening: VirtualRun.Happening, start: Int64) -> String {
    switch happening.outcome {
    case .accepted(let step): describe(step, cause: happening.cause, after: happening.at - start)
    case .refused(let refusal): describe(refusal)
    }
  }

  func describe(_ step: Step, cause: String, after: Int64) -> String {
    let flow = machine.program.flows[step.next.flow]
    let clock = style.paint("+\(LengthOfTime.text(after))", .dim)
    var line = "\(clock) \(style.paint(cause, .bold)): "
    switch step.disposition {
    case .applied: line += moved(step)
    case .ignored: line += "ignored in \(names(step.to))"
    case .deferred: line += "put off in \(names(step.to))"
    case .stale: line += "too late, nobody waits for it"
    }
    for field in step.changedFields where field < flow.fields.count {
      let value = step.next.value(ofField: field, in: machine)
      line += "\n      \(flow.fields[field].name) = \(value.map { $0.json(in: machine.types).text() } ?? "unset")"
    }
    for effect in step.effects { if let text = describe(effect, flow) { line += "\n      \(text)" } }
    return line
  }

  private func moved(_ step: Step) -> String {
    let to = step.from == step.to ? "stays in \(names(step.to))" : "\(names(step.from)) → \(names(step.to))"
    switch step.next.status {
    case .running: return to
    case .done: return to + style.paint("  done", .green)
    case .failed: return to + style.paint("  failed", .red)
    }
  }

  private func names(_ paths: [String]) -> String { paths.isEmpty ? "·" : paths.joined(separator: ", ") }

  private func describe(_ effect: Effect, _ flow: Flow) -> String? {
    switch effect {
    case .job(let job):
      let action = machine.program.actions[job.action].name
      let arguments = job.arguments.json(in: machine.types).text()
      let verb = job.isUndo ? "undoes with" : job.call == nil ? "does" : "calls"
      return style.paint(verb, .cyan) + " \(action) \(arguments)"
    case .begin(let invocation):
      let arguments = JSON.array(invocation.arguments.map { $0.json(in: machine.types) }).text()
      return style.paint("calls", .cyan) + " \(machine.program.flows[invocation.flow].name) \(arguments)"
    case .withdraw: return style.paint("withdraws a call", .dim)
    case .emit(let event, let payload):
      return style.paint("emits", .cyan) + " \(machine.program.events[event].name) "
        + payload.json(in: machine.types).text()
    case .log(let text): return style.paint("log", .cyan) + " \(text)"
    case .arm, .disarm: return nil
    }
  }

  // MARK: - Refusals

  public func describe(_ refusal: Refusal) -> String {
    var out = style.paint("refused", .red) + " " + refusal.message
    for verdict in refusal.candidates { out += "\n" + describe(verdict) }
    if let explanation = refusal.explanation { out += "\n" + indented(explanation.text(in: machine)) }
    if !refusal.accepted.isEmpty {
      out += "\n  accepted here: " + refusal.accepted.joined(separator: ", ")
    }
    return out
  }

  public func describe(_ verdict: Verdict) -> String {
    let target = verdict.target.map { " → \($0)" } ?? ""
    let source = verdict.state.isEmpty ? "the flow" : verdict.state
    var line = "  \(source)\(target)  \(style.paint("\(verdict.place)", .dim))  \(verdict.answer)"
    if let explanation = verdict.guardExplanation { line += "\n" + indented(explanation.text(in: machine)) }
    return line
  }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n")
  }
}
