import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The expectations of a test, and the messages for violated ones.
extension TestScene {
  func expect(_ statement: TestCase.Kind) throws(Mismatch) {
    switch statement {
    case .expectState(let states, let isNegated): try expect(states, isNegated: isNegated)
    case .expectData(let condition): try expect(condition)
    case .expectCalled(let target, let members, let count, let isNegated):
      let found = try matchCount(jobs.filter { $0.target == target }.map(\.arguments), members)
      try expectCalls(of: target, found: found, wanted: count, isNegated: isNegated)
    case .expectEmitted(let event, let members, let isNegated):
      let found = try matchCount(emitted.filter { $0.event == event }.map(\.payload), members) > 0
      guard found == isNegated else { return }
      let name = program.events[event].name
      throw Mismatch(
        message: isNegated ? "`\(name)` was emitted" : "`\(name)` was not emitted so", details: whatWasEmitted)
    case .expectLog(let text, let isNegated):
      guard case .string(let line) = try value(text), logged.contains(line) == isNegated else { return }
      throw Mismatch(message: isNegated ? "this line was logged" : "this line was not logged", details: loggedLines)
    case .expectEnded(let isNegated):
      let isEnded = run.instance.map { $0.status != .running } ?? false
      guard isEnded == isNegated else { return }
      throw Mismatch(message: isNegated ? "the flow has ended" : "the flow has not ended", details: whereItStands)
    case .expectIgnored: try expect(.ignored, "ignored")
    case .expectDeferred: try expect(.deferred, "deferred")
    default: break
    }
  }

  private func expectCalls(of target: Call.Target, found: Int, wanted: Int?, isNegated: Bool) throws(Mismatch) {
    guard wanted.map({ $0 == found }) ?? (found > 0) == isNegated else { return }
    let name = self.name(of: target)
    let message =
      switch (wanted, isNegated) {
      case (nil, true): "`\(name)` was called"
      case (nil, false): "`\(name)` was not called so"
      case (.some, _): "`\(name)` was called so \(found) \(found == 1 ? "time" : "times")"
      }
    throw Mismatch(message: message, details: whatWasCalled)
  }

  private func expect(_ wanted: Step.Disposition, _ name: String) throws(Mismatch) {
    guard disposition != wanted else { return }
    throw Mismatch(
      message: disposition == nil ? "no event was accepted before this" : "the last event was not \(name)",
      details: whereItStands)
  }

  private func expect(_ states: [StateIndex], isNegated: Bool) throws(Mismatch) {
    let active = run.instance?.active
    guard let wrong = states.first(where: { (active?.contains($0) ?? false) == isNegated }) else { return }
    throw Mismatch(
      message: "`\(flow.states[wrong].path)` is \(isNegated ? "active" : "not active")", details: whereItStands)
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

  /// The number of records that have the named members.
  private func matchCount(_ values: [Value], _ members: [TestCase.Member]) throws(Mismatch) -> Int {
    var wanted: [(name: String, value: Value)] = []
    for member in members { wanted.append((member.name, try value(member.value))) }
    return values.count { value in
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
    let waiting = run.outstanding.filter(\.isAwaited).map { nameOfWork($0.job) }
    return waiting.isEmpty ? "nothing waits" : "waiting: \(waiting.joined(separator: ", "))"
  }

  /// The name that `complete` and `fail` accept: that of the call, with its target if the names differ.
  private func nameOfWork(_ job: Job) -> String {
    let target = name(of: job.target)
    guard let index = job.call, flow.calls[index].target == job.target, flow.calls[index].name != target else {
      return target
    }
    return "\(flow.calls[index].name) (a call of \(target))"
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

  private var loggedLines: String {
    logged.isEmpty ? "nothing was logged" : "logged: " + logged.joined(separator: "\n        ")
  }
}
