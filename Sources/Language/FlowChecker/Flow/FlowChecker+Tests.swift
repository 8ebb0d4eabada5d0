import CEL
import FlowIR
import FlowSource
import FlowSyntax

// The `test`s of single instances: each is checked with the flow that it starts.
extension FlowChecker {
  mutating func check(_ node: TestNode, flow: Int) -> CheckedTest {
    var test = CheckedTest(name: node.name, flow: flow, range: node.range)
    isInTest = true
    defer { isInTest = false }
    for statement in node.statements {
      if let kind = check(statement.kind, at: statement.range) { test.statements.append((kind, statement.range)) }
    }
    return test
  }

  /// One statement, without the instances that it names.
  mutating func check(_ statement: TestStatement.Kind, at range: SourceRange) -> CheckedTest.Kind? {
    switch statement {
    case .start(_, let given):
      guard let flow = symbols.flowIndices[node.name.text], let callee = callees[node.name.text] else {
        problems.append(
          Diagnostic(
            "F107", "`\(node.name.text)` can't be called", at: range, label: "a flow without parameters",
            help: "send the event that starts it"))
        return nil
      }
      return .start(flow, arguments(given, of: callee, at: range, plain))
    case .send(let event, _, let roles, let flow, let caller):
      guard let (index, value) = payload(event, plain) else { return nil }
      checkSent(index, from: flow, at: event.range)
      let indices = roles.compactMap { role($0) }
      return .send(
        CheckedTest.SentEvent(
          event: index, payload: value, receiver: nil, roles: indices, sender: sender(flow),
          caller: caller.flatMap { expression($0, plain, expecting: .string) }))
    case .mock(let path, let outcome):
      guard let callee = callee(path), let checked = check(outcome, of: callee) else { return nil }
      return .mock(callee.target, checked)
    case .complete(let path, _, let value): return complete(path, value)
    case .fail(let path, _, let code):
      guard let (work, callee) = work(path) else { return nil }
      checkCode(code.text, at: code.range, of: callee)
      return .fail(work, owner: nil, code: code.text)
    case .advance(let delay): return duration(delay).map { .advance($0) }
    case .at(let instant): return expression(instant, plain, expecting: .timestamp).map { .at($0) }
    case .migrate(let instance): return migrate(instance)
    default: return expectation(statement)
    }
  }

  /// The scope of values in a test: they are not part of the instance and see top-level declarations only.
  var plain: Environment {
    var environment = declarations.environment
    environment.container = self.environment.container
    return environment
  }

  /// The scope of `expect data`: the data, and the fields of states with their paths, as in `asked.token`.
  private var dataScope: Environment {
    var scope = environment
    for (index, field) in fields.enumerated() where field.state != nil {
      _ = scope.declare(variable: field.name, type: field.type, slot: FrameLayout.firstField + index)
    }
    return scope
  }

  mutating func expectation(_ statement: TestStatement.Kind) -> CheckedTest.Kind? {
    switch statement {
    case .expectState(let paths, let isNegated):
      let states = paths.compactMap { target($0, from: 0)?.state }
      return states.count == paths.count ? .expectState(states, isNegated: isNegated) : nil
    case .expectData(let condition):
      return self.condition(condition, dataScope, what: "the expectation").map { .expectData($0) }
    case .expectCalled(let path, let given, let count, let isNegated):
      guard let callee = callee(path) else { return nil }
      let fields = callee.parameters.map { ($0.name, $0.type) }
      return .expectCalled(
        callee.target, members(given, fields, of: callee.name, kind: "parameter"), count: count, isNegated: isNegated)
    case .expectEmitted(let values, let isNegated):
      let events = values.compactMap { emitted($0) }
      return events.count == values.count ? .expectEmitted(events, isNegated: isNegated) : nil
    case .expectLog(let text, let isNegated):
      return expression(text, plain, expecting: .string).map { .expectLog($0, isNegated: isNegated) }
    case .expectEnded(let isNegated): return .expectEnded(isNegated: isNegated)
    case .expectIgnored: return .expectIgnored
    case .expectDeferred: return .expectDeferred
    case .expectRefused: return .expectRefused
    case .expectIncident: return .expectIncident
    default: return nil
    }
  }

  /// An event by its name alone, or with the relevant fields.
  private mutating func emitted(_ value: Expression) -> (event: Int, members: [CheckedTest.Member])? {
    var given: [ArgumentNode] = []
    let name: NameNode
    switch value.kind {
    case .record(let literal):
      name = NameNode(text: literal.typeName.name, range: literal.typeName.range)
      given = literal.fields.map {
        ArgumentNode(name: NameNode(text: $0.field.name, range: $0.field.range), value: $0.value)
      }
    default: name = NameNode(text: value.dottedName?.joined(separator: ".") ?? "", range: value.range)
    }
    guard !name.isMissing, let index = event(name) else {
      if name.isMissing {
        problems.append(
          Diagnostic("F214", "this is not an event", at: value.range, help: "write `Event{field: value}`"))
      }
      return nil
    }
    let event = declarations.events[index]
    let fields =
      event.payload.fields.map { ($0.name, $0.type) } + event.computed.map { ($0.name, $0.value.tree.type) }
    return (index, members(given, fields, of: name.text, kind: "field"))
  }

  private mutating func members(
    _ given: [ArgumentNode], _ fields: [(name: String, type: ValueType)], of owner: String, kind: String
  ) -> [CheckedTest.Member] {
    given.compactMap { argument in
      guard let field = fields.first(where: { $0.name == argument.name.text }) else {
        if !argument.name.isMissing {
          problems.append(
            unknown(
              kind, named: argument.name.text, code: "F215", at: argument.name.range,
              candidates: fields.map(\.name),
              location: " in `\(owner)`"))
        }
        return nil
      }
      return expression(argument.value, plain, expecting: field.type).map { (field.name, $0) }
    }
  }

  /// F316: an instance of an earlier version. Its states and data are those of a program that is not here.
  private mutating func migrate(_ instance: MigratedInstanceNode) -> CheckedTest.Kind? {
    guard let flow = symbols.flowIndices[node.name.text] else { return nil }
    let current = node.version ?? 1
    guard instance.version < current else {
      problems.append(
        Diagnostic(
          "F316", "an instance is migrated from an earlier version", at: instance.versionRange,
          label: "`\(node.name.text)` has version \(current)",
          help: node.version == nil ? "write `version 2` and `migrate from 1 { … }` in the flow" : nil))
      return nil
    }
    var data: CheckedExpression?
    if let value = instance.data {
      guard let checked = expression(value, plain, expecting: .map(.string, .dyn)) else { return nil }
      data = checked
    }
    return .migrate(flow, version: instance.version, states: instance.states.map(\.text), data: data)
  }

  // MARK: - Work

  private mutating func complete(_ path: PathNode, _ value: Expression?) -> CheckedTest.Kind? {
    guard let (work, callee) = work(path) else { return nil }
    guard let value else { return .complete(work, owner: nil, nil) }
    return expression(value, plain, expecting: callee.result).map { .complete(work, owner: nil, $0) }
  }

  /// A call of the flow by its name, or an action or a flow by theirs.
  private mutating func work(_ path: PathNode) -> (CheckedTest.Work, Callee)? {
    if let named = callNames[path.text], let callee = callee(of: named[0]) { return (.calls(named), callee) }
    guard let callee = callee(path) else { return nil }
    return (.target(callee.target), callee)
  }

  private mutating func check(_ outcome: TestStatement.Outcome, of callee: Callee) -> CheckedTest.Outcome? {
    switch outcome {
    case .fails(let code):
      checkCode(code.text, at: code.range, of: callee)
      return .fails(code.text)
    case .returns(let value): return expression(value, plain, expecting: callee.result).map { .returns($0) }
    }
  }
}

/// The tests of all files by their flow: the one after `with`, or the one that their first event starts.
func testsByFlow(
  _ files: [ParsedFile], _ symbols: Symbols, into problems: inout [Diagnostic]
) -> [Int: [TestNode]] {
  var found: [Int: [TestNode]] = [:]
  for case .test(let node) in files.flatMap(\.declarations) {
    let unknownNames = node.flows.filter { symbols.flowIndices[$0.text] == nil }
    problems += unknownNames.filter { !$0.isMissing }.map {
      unknown("flow", named: $0.text, code: "F107", at: $0.range, candidates: symbols.flowIndices.keys)
    }
    if !unknownNames.isEmpty {
      continue
    } else if let flow = flow(of: node, symbols) {
      found[flow, default: []].append(node)
    } else {
      problems.append(
        Diagnostic(
          "F105", "this test starts no flow", at: node.range, label: "no flow to test",
          help: "start with `send` and an event that starts a flow, or with `start Flow(…)`"))
    }
  }
  return found
}

private func flow(of test: TestNode, _ symbols: Symbols) -> Int? {
  if let name = test.flows.first { return symbols.flowIndices[name.text] }
  for statement in test.statements {
    switch statement.kind {
    case .start(let name, _): return symbols.flowIndices[name.text]
    case .send(let event, _, _, _, _):
      guard let name = event.eventName else { continue }
      if let found = symbols.flows.firstIndex(where: { $0.starts(on: name) }) { return found }
      // The unknown name is reported at its own source range.
      if symbols.eventIndices[name] == nil, !symbols.flows.isEmpty { return 0 }
    default: continue
    }
  }
  return nil
}

extension FlowNode {
  fileprivate func starts(on event: String) -> Bool {
    starts.contains { start in
      if case .on(let names, _) = start.trigger { names.contains { $0.text == event } } else { false }
    }
  }
}

extension Expression {
  /// The event that `E{…}` or `E` names.
  fileprivate var eventName: String? {
    if case .record(let literal) = kind { literal.typeName.name } else { dottedName?.joined(separator: ".") }
  }
}
