import CEL
import FlowCompiler
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting
import FlowTime

// Queries without changes.
extension Session {
  func showState() -> Reply {
    guard let run, let machine else { return notLoaded }
    guard let instance = run.instance else { return Reply(text: "\(run.program.flows[run.flow].name) has not started") }
    var lines = ["\(run.leafPaths.joined(separator: ", "))  \(instance.status.rawValue)  revision \(instance.revision)"]
    for timer in instance.timers.sorted(by: { $0.due < $1.due }) {
      let location = machine.program.flows[run.flow].transitions[timer.transition].location
      lines.append("  timer \(location) due in \(DurationText.text(timer.due - run.now))")
    }
    for work in run.outstanding {
      let priority = work.job.priority == 0 ? "" : " priority \(work.job.priority)"
      let name = run.stepper.machine.name(of: work.job.target)
      lines.append("  \(work.isAwaited ? "waits for" : "asked for") \(name)\(priority)")
    }
    return Reply(text: lines.joined(separator: "\n"))
  }

  func showData() -> Reply {
    guard let run, let machine, let instance = run.instance else { return failure("no instance has started") }
    let fields = run.program.flows[run.flow].fields
    let shown = fields.indices.filter { fields[$0].state.map { instance.active.contains($0) } ?? true }
    let lines = shown.map { index in
      let value = instance.value(ofField: index, in: machine)
      return "\(fields[index].name) = \(value.map { $0.json(in: machine.types).text() } ?? "unset")"
    }
    return Reply(text: lines.joined(separator: "\n"))
  }

  func showCan() -> Reply {
    guard let run, let machine else { return notLoaded }
    let flow = run.program.flows[run.flow]
    guard let instance = run.instance else {
      return Reply(
        text: flow.starts.compactMap(\.event).map { "starts on \(run.program.events[$0].name)" }
          .joined(separator: "\n"))
    }
    var lines: [String] = []
    for state in Array(instance.active.ascending).reversed() {
      for index in flow.states[state].transitions {
        lines.append("  " + flow.transitions[index].text(of: flow, in: machine.program))
      }
      for event in flow.states[state].ignored { lines.append("  \(run.program.events[event].name) is ignored") }
      for event in flow.states[state].deferred { lines.append("  \(run.program.events[event].name) is deferred") }
    }
    return Reply(text: lines.isEmpty ? "nothing" : lines.joined(separator: "\n"))
  }

  /// Executes the step and discards it.
  func showWhy(_ text: String) -> Reply {
    guard let run, let machine else { return notLoaded }
    switch event(in: text, run) {
    case .failure(let problem): return failure(problem.message)
    case .success(let event):
      let writer = StepText(machine: machine, style: style)
      if let instance = run.instance {
        let verdicts = run.stepper.explain(
          instance, event: event.index, payload: event.payload, caller: event.caller, now: run.now)
        let lines = verdicts.map { writer.describe($0) }
        return Reply(
          text: lines.isEmpty ? "no active state reacts to it" : lines.joined(separator: "\n"))
      }
      var copy = run
      let runEvent = copy.send(event: event.index, payload: event.payload, caller: event.caller)
      return Reply(text: writer.describe(runEvent, start: start))
    }
  }
}
