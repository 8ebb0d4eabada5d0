import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The expectations of a test, and the messages for violated ones.
extension TestScene {
  func expect(_ statement: TestCase.Kind) throws(Mismatch) {
    switch statement {
    case .expectState(let states): try expect(states)
    case .expectData(let condition): try expect(condition)
    case .expectCalled(let target, let members, let isNegated):
      let found = try fits(jobs.filter { $0.target == target }.map(\.arguments), members)
      guard found == isNegated else { return }
      let name = self.name(of: target)
      throw Mismatch(
        message: isNegated ? "`\(name)` was called" : "`\(name)` was not called so", details: whatWasCalled)
    case .expectEmitted(let event, let members, let isNegated):
      let found = try fits(emitted.filter { $0.event == event }.map(\.payload), members)
      guard found == isNegated else { return }
      let name = program.events[event].name
      throw Mismatch(
        message: isNegated ? "`\(name)` was emitted" : "`\(name)` was not emitted so", details: whatWasEmitted)
    default: break
    }
  }

  private func expect(_ states: [StateIndex]) throws(Mismatch) {
    let active = run.instance?.active
    guard let missing = states.first(where: { !(active?.contains($0) ?? false) }) else { return }
    throw Mismatch(message: "`\(flow.states[missing].path)` is not active", details: whereItStands)
  }

  private func expect(_ condition: SourcedExpression) throws(Mismatch) {
    guard let instance = run.instance else { throw Mismatch(message: "the flow has not started") }
    switch stepper.evaluate(condition, over: instance, now: run.now) {
    case .success(.bool(true)): return
    case .success(let value):
      throw Mismatch(
        message: "this is \(value.json(in: stepper.machine.types).text())",
        details: stepper.explain(condition, over: instance, now: run.now)?.text(in: stepper.machine) ?? "")
    case .failure(let error): throw Mismatch(message: error.message, details: whereItStands)
    }
  }

  /// Returns true if one of the records has the named members.
  private func fits(_ values: [Value], _ members: [TestCase.Member]) throws(Mismatch) -> Bool {
    var wanted: [(name: String, value: Value)] = []
    for member in members { wanted.append((member.name, try value(member.value))) }
    return values.contains { value in
      guard case .record(let record) = value else { return wanted.isEmpty }
      return wanted.allSatisfy { record[$0.name] == $0.value }
    }
  }

  private func name(of target: Call.Target) -> String { stepper.machine.name(of: target) }

  // MARK: - Actual values

  var whereItStands: String {
    guard let instance = run.instance else { return "the flow has not started" }
    let data = instance.dataJSON(in: stepper.machine).text()
    return "it is in \(run.leafPaths.joined(separator: ", "))\nwith \(data)"
  }

  var whatWaits: String {
    let waiting = run.outstanding.filter(\.isAwaited).map { stepper.machine.name(of: $0.job.target) }
    return waiting.isEmpty ? "nothing waits" : "waiting: \(waiting.joined(separator: ", "))"
  }

  private var whatWasCalled: String {
    let lines = jobs.map { "\(name(of: $0.target)) \($0.arguments.json(in: stepper.machine.types).text())" }
    return lines.isEmpty ? "nothing was called" : "called: " + lines.joined(separator: "\n        ")
  }

  private var whatWasEmitted: String {
    let lines = emitted.map {
      "\(program.events[$0.event].name) \($0.payload.json(in: stepper.machine.types).text())"
    }
    return lines.isEmpty ? "nothing was emitted" : "emitted: " + lines.joined(separator: "\n         ")
  }
}
