import FlowChecker
import FlowIR
import FlowSource

/// Converts the tests of a checked program to executable test cases.
func lowerTests(_ checked: CheckedProgram) -> [TestCase] {
  let lowering = Lowering(sources: checked.sources)
  return checked.tests.map { test in
    TestCase(
      name: test.name, flow: FlowIndex(test.flow), flows: test.flows.map { FlowIndex($0) },
      statements: test.statements.map { statement in
        TestCase.Statement(
          kind: lowering.statement(statement.kind), text: checked.sources.string(statement.range),
          location: lowering.location(statement.range))
      },
      location: lowering.location(test.range))
  }
}

extension Lowering {
  func target(_ checked: CheckedCall.Target) -> Call.Target {
    switch checked {
    case .action(let action): .action(action)
    case .flow(let flow): .flow(FlowIndex(flow))
    }
  }

  fileprivate func statement(_ checked: CheckedTest.Kind) -> TestCase.Kind {
    switch checked {
    case .start(let flow, let arguments): .start(FlowIndex(flow), arguments: arguments.map(expression))
    case .send(let sent):
      .send(
        TestCase.SentEvent(
          event: EventIndex(sent.event), payload: expression(sent.payload), receiver: sent.receiver.map(instance),
          roles: sent.roles, sender: sent.sender.map { FlowIndex($0) }, caller: sent.caller.map(expression)))
    case .mock(let callee, .returns(let value)): .mock(target(callee), .returns(expression(value)))
    case .mock(let callee, .fails(let code)): .mock(target(callee), .fails(code: code))
    case .expectState(let states, let isNegated):
      .expectState(states.map { StateIndex($0) }, isNegated: isNegated)
    case .expectData(let value): .expectData(expression(value))
    case .expectCalled(let callee, let given, let count, let isNegated):
      .expectCalled(target(callee), members(given), count: count, isNegated: isNegated)
    case .expectEmitted(let events, let isNegated):
      .expectEmitted(
        events.map { TestCase.ExpectedEvent(event: EventIndex($0.event), members: members($0.members)) },
        isNegated: isNegated)
    case .expectLog(let text, let isNegated): .expectLog(expression(text), isNegated: isNegated)
    case .expectEnded(let isNegated): .expectEnded(isNegated: isNegated)
    case .expectIgnored: .expectIgnored
    case .expectDeferred: .expectDeferred
    case .expectRefused: .expectRefused
    case .expectIncident: .expectIncident
    case .expectOf(let owner, let expectation): .expectOf(instance(owner), statement(expectation))
    case .complete(let work, let owner, let value):
      .complete(self.work(work), owner: owner.map(instance), value.map(expression))
    case .fail(let work, let owner, let code): .fail(self.work(work), owner: owner.map(instance), code: code)
    case .advance(let length): .advance(expression(length))
    case .at(let instant): .at(expression(instant))
    case .migrate(let flow, let version, let states, let data):
      .migrate(
        TestCase.MigratedInstance(
          flow: FlowIndex(flow), version: version, states: states, data: data.map(expression)))
    }
  }

  private func instance(_ checked: CheckedTest.InstanceReference) -> TestCase.InstanceReference {
    TestCase.InstanceReference(flow: FlowIndex(checked.flow), key: checked.key.map(expression))
  }

  private func members(_ checked: [CheckedTest.Member]) -> [TestCase.Member] {
    checked.map { TestCase.Member(name: $0.name, value: expression($0.value)) }
  }

  private func work(_ checked: CheckedTest.Work) -> TestCase.Work {
    switch checked {
    case .calls(let calls): .calls(calls.map { CallIndex($0) })
    case .target(let callee): .target(target(callee))
    }
  }
}
