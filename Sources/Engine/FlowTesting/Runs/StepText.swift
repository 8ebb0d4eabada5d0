import CEL
public import FlowDiagnostics
import FlowIR
import FlowJSON
public import FlowMachine
import FlowTime

/// Formats steps and refusals as text.
public struct StepText: Sendable {
  /// The level of detail of a step.
  public enum Trace: String, CaseIterable, Sendable {
    /// One line.
    case off
    /// The changes and requested work as well.
    case steps
    /// The executed reactions and armed timers as well.
    case all
  }

  let machine: Machine
  let style: TerminalStyle
  let trace: Trace

  public init(machine: Machine, style: TerminalStyle, trace: Trace = .steps) {
    self.machine = machine
    self.style = style
    self.trace = trace
  }

  /// The step in one line, and a line for each effect.
  public func describe(_ runEvent: VirtualRun.RunEvent, start: Int64) -> String {
    switch runEvent.outcome {
    case .accepted(let step): describe(step, cause: runEvent.cause, at: runEvent.at, start: start)
    case .refused(let refusal): describe(refusal)
    }
  }

  /// The same, with the name of the instance when several flows run.
  func describe(_ occurrence: VirtualSystem.Occurrence, in system: VirtualSystem, start: Int64) -> String {
    let name = system.isIsolated ? "" : system.text(of: occurrence.name) + " "
    switch occurrence.outcome {
    case .accepted(let step):
      return describe(step, cause: name + occurrence.cause, at: occurrence.at, start: start)
    case .refused(let refusal): return name + describe(refusal)
    }
  }

  func describe(_ step: Step, cause: String, at instant: Int64, start: Int64) -> String {
    let clock = style.paint("+\(DurationText.text(instant - start))", .dim)
    var line = "\(clock) \(style.paint(cause, .bold)): "
    switch step.disposition {
    case .applied: line += moved(step)
    case .ignored: line += "ignored in \(names(step.to))"
    case .deferred: line += "deferred in \(names(step.to))"
    case .stale: line += "stale, no longer awaited"
    }
    guard trace != .off else { return line }
    return ([line] + details(of: step, start: start)).joined(separator: "\n      ")
  }

  private func details(of step: Step, start: Int64) -> [String] {
    let flow = machine.program.flows[step.next.flow]
    var lines: [String] = []
    if trace == .all {
      for index in step.transitions {
        let transition = flow.transitions[index]
        lines.append("takes \(transition.text(of: flow, in: machine.program))  \(location(transition))")
      }
    }
    for field in step.changedFields where field < flow.fields.count {
      // The fields of a state that was left end with it.
      if flow.fields[field].state != nil, step.next.value(ofField: field, in: machine) == nil { continue }
      let value = step.next.value(ofField: field, in: machine)
      lines.append("\(flow.fields[field].name) = \(value.map { $0.json(in: machine.types).text() } ?? "unset")")
    }
    lines += step.effects.compactMap { describe($0, flow, start: start) }
    for refused in step.refused {
      lines.append("deferred \(describe(refused.refusal).replacing("\n", with: "\n      "))")
    }
    return lines
  }

  private func location(_ transition: Transition) -> String { style.paint("\(transition.location)", .dim) }

  private func moved(_ step: Step) -> String {
    let to = step.from == step.to ? "stays in \(names(step.to))" : "\(names(step.from)) → \(names(step.to))"
    switch step.next.status {
    case .running: return to
    case .done: return to + style.paint("  done", .green)
    case .failed: return to + style.paint("  failed", .red)
    }
  }

  private func names(_ paths: [String]) -> String { paths.isEmpty ? "·" : paths.joined(separator: ", ") }

  private func describe(_ effect: Effect, _ flow: Flow, start: Int64) -> String? {
    switch effect {
    case .job(let job):
      return style.paint(job.call == nil ? "does" : "calls", .cyan) + " " + describe(job)
        + (job.priority == 0 ? "" : " priority \(job.priority)")
    case .withdraw: return style.paint("withdraws a call", .dim)
    case .forget(let once, let target):
      return trace == .all ? "forgets the result of \(machine.name(of: target)) for \(once)" : nil
    case .emit(let event, let payload, let flow):
      return style.paint("emits", .cyan) + " \(machine.program.events[event].name) "
        + payload.json(in: machine.types).text() + (flow.map { " to \(machine.program.flows[$0].name)" } ?? "")
    case .log(let text): return style.paint("log", .cyan) + " \(text)"
    case .discard(let event, let reason):
      return style.paint("dropped", .cyan) + ": \(machine.text(discarded: event, because: reason))"
    case .arm(let timer):
      return trace == .all
        ? "sets a timer for +\(DurationText.text(timer.due - start))  \(location(flow.transitions[timer.transition]))"
        : nil
    case .disarm(let timer):
      return trace == .all ? "clears a timer  \(location(flow.transitions[timer.transition]))" : nil
    }
  }

  /// The requested work, with its arguments.
  public func describe(_ job: Job) -> String {
    machine.name(of: job.target) + " " + job.arguments.json(in: machine.types).text()
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

  public func describe(_ verdict: CandidateResult) -> String {
    let target = verdict.target.map { " → \($0)" } ?? ""
    let source = verdict.state.isEmpty ? "the flow" : verdict.state
    var line = "  \(source)\(target)  \(style.paint("\(verdict.location)", .dim))  \(verdict.answer)"
    if let explanation = verdict.guardExplanation { line += "\n" + indented(explanation.text(in: machine)) }
    return line
  }

  private func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n")
  }
}
