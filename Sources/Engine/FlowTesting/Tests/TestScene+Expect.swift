import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The expectations of a test, and the messages for violated ones.
extension TestScene {
  func expect(_ statement: TestCase.Kind) throws(Mismatch) {
    guard case .expectOf(let reference, let expectation) = statement else { return try expect(statement, of: nil) }
    try expect(expectation, of: try instance(reference))
  }

  /// - Parameter name: The instance; nil for the tested one, and for the effects of all.
  private func expect(_ statement: TestCase.Kind, of name: Name?) throws(Mismatch) {
    switch statement {
    case .expectState(let states, let isNegated): try expect(states, isNegated: isNegated, of: name)
    case .expectData(let condition): try expect(condition, of: name)
    case .expectCalled(let target, let members, let count, let isNegated):
      let calls = jobs.filter {
        $0.job.target == target && (name == nil || $0.owner == name) && system.isPerformed($0.job, by: $0.owner)
      }
      let found = try matchCount(calls.map(\.job.arguments), members)
      try expectCalls(of: target, found: found, wanted: count, isNegated: isNegated, by: name)
    case .expectEmitted(let events, let isNegated): try expect(events, isNegated: isNegated, by: name)
    case .expectLog(let text, let isNegated):
      let lines = logged.filter { name == nil || $0.owner == name }.map(\.line)
      guard case .string(let line) = try value(text), lines.contains(line) == isNegated else { return }
      let details = lines.isEmpty ? "nothing was logged" : "logged: " + lines.joined(separator: "\n        ")
      throw Mismatch(message: isNegated ? "this line was logged" : "this line was not logged", details: details)
    case .expectEnded(let isNegated):
      let isEnded = position(of: name).map { system.members[$0].instance.status != .running } ?? false
      guard isEnded == isNegated else { return }
      throw Mismatch(
        message: isNegated ? "the flow has ended" : "the flow has not ended", details: whereItStands(name))
    case .expectIgnored: try expect(.ignored, "ignored", by: name)
    case .expectDeferred: try expect(.deferred, "deferred", by: name)
    default: break
    }
  }

  /// The position of an instance among those that have started, of the tested one for nil.
  private func position(of name: Name?) -> Int? {
    if name == nil, system.isIsolated { return system.names.isEmpty ? nil : 0 }
    return (name ?? tested).flatMap { system.members.position(of: $0) }
  }

  private func expectCalls(
    of target: Call.Target, found: Int, wanted: Int?, isNegated: Bool, by owner: Name?
  ) throws(Mismatch) {
    guard wanted.map({ $0 == found }) ?? (found > 0) == isNegated else { return }
    let name = self.name(of: target)
    let message =
      switch (wanted, isNegated) {
      case (nil, true): "`\(name)` was called"
      case (nil, false): "`\(name)` was not called so"
      case (.some, _): "`\(name)` was called so \(found) \(found == 1 ? "time" : "times")"
      }
    throw Mismatch(message: message, details: whatWasCalled(by: owner))
  }

  private func expect(_ wanted: Step.Disposition, _ text: String, by name: Name?) throws(Mismatch) {
    let found = name.map { dispositions[$0] } ?? disposition
    guard found != wanted else { return }
    throw Mismatch(
      message: found == nil ? "no event was accepted before this" : "the last event was not \(text)",
      details: whereItStands(name))
  }

  private func expect(_ states: [StateIndex], isNegated: Bool, of name: Name?) throws(Mismatch) {
    let position = position(of: name)
    let wrong = states.first { state in
      (position.map { system.members[$0].instance.active.contains(state) } ?? false) == isNegated
    }
    guard let wrong else { return }
    let name = name ?? tested
    let flow = program.flows[name?.flow ?? test.flow]
    throw Mismatch(
      message: "`\(flow.states[wrong].path)` is \(isNegated ? "active" : "not active")", details: whereItStands(name))
  }

  private func expect(_ condition: SourcedExpression, of name: Name?) throws(Mismatch) {
    guard let position = position(of: name) else { throw Mismatch(message: "the flow has not started") }
    if stepper.isPlainlyTrue(condition, over: system.members[position].instance) { return }
    let instance = system.members[position].instance
    switch stepper.evaluate(condition, over: instance, now: system.now) {
    case .success(.bool(true)): return
    case .success(let value):
      throw Mismatch(
        message: "this is \(value.json(in: stepper.machine.types).text())",
        details: stepper.explain(condition, over: instance, now: system.now)?.text(in: stepper.machine) ?? "")
    case .failure(let error): throw Mismatch(message: error.message, details: whereItStands(name))
    }
  }

  /// Checks that events were emitted in an order; others may be between them.
  private func expect(_ events: [TestCase.ExpectedEvent], isNegated: Bool, by name: Name?) throws(Mismatch) {
    let all = emitted.filter { name == nil || $0.sender == name }
    var next = 0
    for wanted in events {
      guard let index = try firstIndex(of: wanted, in: all.map { ($0.event, $0.payload) }, from: next) else {
        guard !isNegated else { return }
        let event = program.events[wanted.event].name
        let isElsewhere = try firstIndex(of: wanted, in: all.map { ($0.event, $0.payload) }, from: 0) != nil
        throw Mismatch(
          message: isElsewhere ? "`\(event)` was not emitted in this order" : "`\(event)` was not emitted so",
          details: whatWasEmitted(by: name))
      }
      next = index + 1
    }
    guard isNegated else { return }
    let names = events.map { "`\(program.events[$0.event].name)`" }.joined(separator: " then ")
    throw Mismatch(message: "\(names) was emitted", details: whatWasEmitted(by: name))
  }

  private func firstIndex(
    of wanted: TestCase.ExpectedEvent, in all: [(event: EventIndex, payload: Value)], from start: Int
  ) throws(Mismatch) -> Int? {
    for index in all.indices where index >= start && all[index].event == wanted.event {
      if try matchCount([withComputedMembers(all[index].payload, of: wanted)], wanted.members) > 0 { return index }
    }
    return nil
  }

  /// A payload with the computed members of the event, if one of them is expected.
  private func withComputedMembers(_ payload: Value, of wanted: TestCase.ExpectedEvent) -> Value {
    guard case .record(var record) = payload,
      wanted.members.contains(where: { member in record[member.name] == nil }),
      let computed = try? stepper.computedMembers(of: wanted.event, payload)
    else { return payload }
    record.fields += computed
    return .record(record)
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

  /// The states and the data of an instance; of all for nil, when several flows run.
  func whereItStands(_ name: Name?) -> String {
    if system.isIsolated || name != nil {
      guard let name = name ?? tested, let instance = system[name] else { return "the flow has not started" }
      let data = instance.dataJSON(in: stepper.machine).text()
      return "it is in \(system.leafPaths(of: name).joined(separator: ", "))\nwith \(data)"
    }
    guard !system.names.isEmpty else { return "no instance has started" }
    return system.names.map { name in
      let data = system[name]?.dataJSON(in: stepper.machine).text() ?? ""
      return "\(system.text(of: name)) is in \(system.leafPaths(of: name).joined(separator: ", "))\nwith \(data)"
    }.joined(separator: "\n")
  }

  /// The instances that have started.
  var instances: String {
    guard !system.names.isEmpty else { return "no instance has started" }
    return "the instances are " + system.names.map { system.text(of: $0) }.joined(separator: ", ")
  }

  func whatWaits(_ name: Name?) -> String {
    let waiting = system.work.filter { $0.isAwaited && $0.isUnfinished && (name == nil || $0.owner == name) }
      .map { nameOfWork($0) }
    return waiting.isEmpty ? "nothing waits" : "waiting: \(waiting.joined(separator: ", "))"
  }

  /// The name that `complete` and `fail` accept: that of the call, with its target if the names differ.
  private func nameOfWork(_ work: VirtualSystem.Work) -> String {
    let target = name(of: work.job.target)
    let calls = program.flows[work.owner.flow].calls
    let owner = system.isIsolated ? "" : " of \(system.text(of: work.owner))"
    guard let index = work.job.call, calls[index].target == work.job.target, calls[index].name != target else {
      return target + owner
    }
    return "\(calls[index].name)\(owner) (a call of \(target))"
  }

  /// The instance before its effect, when several flows run.
  private func prefix(_ name: Name) -> String { system.isIsolated ? "" : "\(system.text(of: name)) " }

  private func whatWasCalled(by name: Name?) -> String {
    let lines = jobs.filter { name == nil || $0.owner == name }.map { owner, job in
      let arguments = job.arguments.json(in: stepper.machine.types).text()
      let remark = system.isPerformed(job, by: owner) ? "" : ", which `once` did not repeat"
      return "\(prefix(owner))\(self.name(of: job.target)) \(arguments)\(remark)"
    }
    return lines.isEmpty ? "nothing was called" : "called: " + lines.joined(separator: "\n        ")
  }

  private func whatWasEmitted(by name: Name?) -> String {
    let lines = emitted.filter { name == nil || $0.sender == name }.map { sender, event, payload in
      "\(prefix(sender))\(program.events[event].name) \(payload.json(in: stepper.machine.types).text())"
    }
    return lines.isEmpty ? "nothing was emitted" : "emitted: " + lines.joined(separator: "\n         ")
  }
}
