import CEL
import FlowSource
import FlowSyntax

extension OccurrenceCollector {
  mutating func visit(_ test: TestNode) {
    for flow in test.flows where names.charts[flow.text] != nil { add(.flow(flow.text), flow) }
    let flow = ProgramView.flow(of: test, names)
    for statement in test.statements {
      let named = statement.kind.instance.map { visit($0) }
      // An event is sent to an instance, but its fields are not those of that instance.
      let isSent = if case .send = statement.kind { true } else { false }
      let subject = isSent ? flow : named ?? flow
      scope = ExpressionScope(names, analysis, flow: subject)
      visit(statement.kind, chart: subject.flatMap { names.charts[$0] })
    }
  }

  /// - Returns: The flow of an instance.
  private mutating func visit(_ instance: InstanceNode) -> String {
    scope = ExpressionScope(names, analysis)
    if names.charts[instance.flow.text] != nil { add(.flow(instance.flow.text), instance.flow) }
    if let key = instance.key { visit(key) }
    return instance.flow.text
  }

  private mutating func visit(_ kind: TestStatement.Kind, chart: Chart?) {
    switch kind {
    case .start(let flow, let arguments):
      if names.charts[flow.text] != nil { add(.flow(flow.text), flow) }
      visit(arguments, of: flow.text)
    case .send(let value, _, let roles, let sender, let caller):
      visit(payload: value)
      visit(callers: roles + (sender.map { [$0] } ?? []))
      if let caller { visit(caller) }
    case .mock(let path, let outcome):
      add(names.callee(path.text), at: path.range)
      switch outcome {
      case .returns(let value): visit(value)
      case .fails(let code): add(failure(code.text, of: path.text), code)
      }
    case .expectState(let paths, _):
      if let chart { for path in paths { visit(path, in: chart, from: 0) } }
    case .expectData(let value), .at(let value), .expectLog(let value, _): visit(value)
    case .expectCalled(let path, let arguments, _, _):
      visit(work: path, chart)
      visit(arguments, of: path.text)
    case .expectEmitted(let values, _): for value in values { visit(payload: value) }
    case .expectOf(_, let expectation): visit(expectation, chart: chart)
    case .complete(let path, _, let value):
      visit(work: path, chart)
      if let value { visit(value) }
    case .fail(let path, _, let code):
      visit(work: path, chart)
      let callee = names.callee(path.text) == nil ? chart?.callee(ofCall: path.text) : nil
      add(failure(code.text, of: callee ?? path.text), code)
    case .advance(.expression(let value)): visit(value)
    case .migrate(let instance):
      if let flow = instance.flow, names.charts[flow.text] != nil { add(.flow(flow.text), flow) }
      if let data = instance.data { visit(data) }
    case .advance, .expectEnded, .expectIgnored, .expectDeferred, .expectRefused, .expectIncident: break
    }
  }

  /// The action, flow or call that a test names.
  private mutating func visit(work path: PathNode, _ chart: Chart?) {
    if let chart, names.definitions[.call(path.text, flow: chart.flow.name.text)] != nil, names.callee(path.text) == nil
    {
      add(.call(path.text, flow: chart.flow.name.text), at: path.range)
    } else {
      add(names.callee(path.text), at: path.range)
    }
  }
}
