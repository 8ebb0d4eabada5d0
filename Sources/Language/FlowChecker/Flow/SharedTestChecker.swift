import CEL
import FlowSource
import FlowSyntax

/// Checks the `test`s in which instances of several flows run: each statement with the flow that it is about.
struct SharedTestChecker {
  let symbols: Symbols
  /// The checkers of the flows that such tests name, by the index of the flow.
  var checkers: [Int: FlowChecker]
  private(set) var problems: [Diagnostic] = []
  /// The flows that are reported as not running in the current test.
  private var reported: Set<String> = []

  init(_ symbols: Symbols, _ checkers: [Int: FlowChecker]) {
    self.symbols = symbols
    self.checkers = checkers
  }

  /// The flows whose checkers a test needs: those after `with`, and the tested one.
  static func flows(of node: TestNode, tested: Int, _ symbols: Symbols) -> Set<Int> {
    Set(node.flows.compactMap { symbols.flowIndices[$0.text] } + [tested])
  }

  /// - Parameter tested: The flow that statements without an instance are about.
  mutating func check(_ node: TestNode, tested: Int) -> CheckedTest {
    var test = CheckedTest(name: node.name, flow: tested, range: node.range)
    reported = []
    var seen: Set<String> = []
    for name in node.flows where !seen.insert(name.text).inserted {
      problems.append(Diagnostic("F103", "`\(name.text)` is named twice", at: name.range))
    }
    test.flows = SharedTestChecker.flows(of: node, tested: tested, symbols).sorted()
    test.withFlows = node.flows.dropFirst().compactMap { name in
      symbols.flowIndices[name.text].map { (flow: $0, range: name.range) }
    }
    for flow in test.flows { checkers[flow]?.isInTest = true }
    for statement in node.statements {
      if let kind = check(statement, of: node, test) { test.statements.append((kind, statement.range)) }
    }
    for flow in test.flows {
      checkers[flow]?.isInTest = false
      problems += checkers[flow]?.problems ?? []
      checkers[flow]?.problems = []
    }
    return test
  }

  private mutating func check(
    _ statement: TestStatement, of node: TestNode, _ test: CheckedTest
  ) -> CheckedTest.Kind? {
    switch statement.kind {
    case .start(let name, _):
      guard let flow = running(name, of: node, test) else { return nil }
      return checkers[flow]?.check(statement.kind, at: statement.range)
    case .expectOf(let instance, let expectation):
      guard let reference = reference(instance, of: node, test) else { return nil }
      return checkers[reference.flow]?.expectation(expectation).map { .expectOf(reference, $0) }
    case .send(_, let receiver, _, _, _):
      let reference = receiver.flatMap { self.reference($0, of: node, test) }
      guard case .send(var sent)? = checkers[test.flow]?.check(statement.kind, at: statement.range) else { return nil }
      sent.receiver = reference
      return .send(sent)
    case .migrate(let instance):
      var flow: Int? = test.flow
      if let name = instance.flow { flow = running(name, of: node, test) }
      guard let flow else { return nil }
      return checkers[flow]?.check(statement.kind, at: statement.range)
    case .mock(let path, _):
      guard !isRunning(path, of: node, test, what: "mocked") else { return nil }
    case .complete(let path, let owner?, _), .fail(let path, let owner?, _):
      guard let reference = reference(owner, of: node, test) else { return nil }
      guard let kind = checkers[reference.flow]?.check(statement.kind, at: statement.range)?.owned(by: reference)
      else { return nil }
      return isRunning(kind, at: path, test) ? nil : kind
    case .complete(let path, nil, _), .fail(let path, nil, _):
      guard let kind = checkers[test.flow]?.check(statement.kind, at: statement.range) else { return nil }
      return isRunning(kind, at: path, test) ? nil : kind
    default: break
    }
    let count = checkers[test.flow]?.problems.count ?? 0
    let kind = checkers[test.flow]?.check(statement.kind, at: statement.range)
    explainStates(statement, since: count, test)
    return kind
  }

  // MARK: - Instances

  private mutating func reference(
    _ node: InstanceNode, of test: TestNode, _ checked: CheckedTest
  ) -> CheckedTest.InstanceReference? {
    guard let flow = running(node.flow, of: test, checked), let checker = checkers[flow] else { return nil }
    guard let key = node.key else { return CheckedTest.InstanceReference(flow: flow, key: nil) }
    let value = checkers[flow]?.expression(key, checker.plain, expecting: .string)
    return value.map { CheckedTest.InstanceReference(flow: flow, key: $0) }
  }

  /// F107, F119: a flow that runs in the test.
  private mutating func running(_ name: NameNode, of test: TestNode, _ checked: CheckedTest) -> Int? {
    guard !name.isMissing else { return nil }
    guard let flow = symbols.flowIndices[name.text] else {
      guard reported.insert(name.text).inserted else { return nil }
      problems.append(
        unknown("flow", named: name.text, code: "F107", at: name.range, candidates: symbols.flowIndices.keys))
      return nil
    }
    if checked.flows.contains(flow) { return flow }
    guard reported.insert(name.text).inserted else { return nil }
    let named = test.flows.isEmpty ? [symbols.flows[checked.flow].name.text] : test.flows.map(\.text)
    let all = (named + [name.text]).joined(separator: ", ")
    let end = test.flows.last?.range.upper ?? test.nameRange.upper
    let addition = test.flows.isEmpty ? " with \(all)" : ", \(name.text)"
    problems.append(
      Diagnostic(
        "F119", "`\(name.text)` does not run in this test", at: name.range, label: "not after `with`",
        help: "write `with \(all)`",
        fixes: [Fix("add `\(name.text)`", .maybe, [.init(SourceRange(end, end), addition)])]))
    return nil
  }

  /// F119: the calls of a flow that runs end when it does.
  private mutating func isRunning(
    _ path: PathNode, of node: TestNode, _ test: CheckedTest, what: String
  ) -> Bool {
    guard let flow = symbols.flowIndices[path.text], test.flows.contains(flow) else { return false }
    reportRunning(flow, at: path, what: what)
    return true
  }

  private mutating func isRunning(_ kind: CheckedTest.Kind, at path: PathNode, _ test: CheckedTest) -> Bool {
    let target: CheckedCall.Target?
    switch kind {
    case .complete(.target(let named), _, _), .fail(.target(let named), _, _): target = named
    case .complete(.calls(let calls), let owner, _), .fail(.calls(let calls), let owner, _):
      target = calls.first.flatMap { checkers[owner?.flow ?? test.flow]?.calls[$0].target }
    default: target = nil
    }
    guard case .flow(let flow)? = target, test.flows.contains(flow) else { return false }
    reportRunning(flow, at: path, what: "ended by the test")
    return true
  }

  private mutating func reportRunning(_ flow: Int, at path: PathNode, what: String) {
    let name = symbols.flows[flow].name.text
    problems.append(
      Diagnostic(
        "F119", "`\(name)` runs in this test and can't be \(what)", at: path.range, label: "named after `with`",
        help: "remove `\(name)` after `with`, or send the events that end it"))
  }

  // MARK: - Messages

  /// Names the flow that has a state which the tested flow does not have.
  private mutating func explainStates(_ statement: TestStatement, since count: Int, _ test: CheckedTest) {
    guard case .expectState(let paths, _) = statement.kind, let found = checkers[test.flow]?.problems else { return }
    for index in found.indices where index >= count && found[index].code == "F104" {
      guard let path = paths.first(where: { $0.range == found[index].range }),
        let owner = test.flows.first(where: { $0 != test.flow && hasState($0, path.text) })
      else { continue }
      let name = symbols.flows[owner].name.text
      let start = statement.range.lower + UInt32("expect".utf8.count)
      checkers[test.flow]?.problems[index].help =
        "`\(path.text)` is a state of `\(name)`: write `expect \(name) state …`"
      checkers[test.flow]?.problems[index].fixes = [
        Fix("name `\(name)`", .maybe, [.init(SourceRange(start, start), " \(name)")])
      ]
    }
  }
}

extension SharedTestChecker {
  fileprivate func hasState(_ flow: Int, _ path: String) -> Bool {
    checkers[flow]?.states.contains { $0.path == path || $0.name.text == path } ?? false
  }
}

extension CheckedTest.Kind {
  /// The end of work of one instance.
  fileprivate func owned(by owner: CheckedTest.InstanceReference) -> CheckedTest.Kind {
    switch self {
    case .complete(let work, _, let value): .complete(work, owner: owner, value)
    case .fail(let work, _, let code): .fail(work, owner: owner, code: code)
    default: self
    }
  }
}

/// F518: a flow after `with` that nothing in the test reaches.
func checkUnreachedFlows(
  of tests: [CheckedTest], among flows: [FlowSummary], into problems: inout [Diagnostic]
) {
  for test in tests {
    for (flow, range) in test.withFlows {
      let others = test.flows.filter { $0 != flow }.map { flows[$0] }
      let name = flows[flow].name.text
      let isCalled = others.contains { $0.calls.contains { $0.name == name } }
      let isReached = others.contains { $0.emits.contains { flows[flow].handles($0.event) } }
      guard !isCalled, !isReached, !test.statements.contains(where: { $0.kind.reaches(flow, flows) }) else { continue }
      let isScheduled = flows[flow].isScheduled
      problems.append(
        Diagnostic(
          "F518", .warning, "nothing in this test reaches `\(name)`", at: range, label: "never starts here",
          help: "remove it, or \(isScheduled ? "`advance` the clock to its start" : "send it an event")"))
    }
  }
}

extension CheckedTest.Kind {
  /// Returns true if the statement sends an event that a flow handles, starts or migrates it, or moves the clock on to
  /// its scheduled starts.
  fileprivate func reaches(_ flow: Int, _ flows: [FlowSummary]) -> Bool {
    switch self {
    case .start(let started, _): started == flow
    case .migrate(let migrated, _, _, _): migrated == flow
    case .advance, .at: flows[flow].isScheduled
    case .send(let sent): sent.receiver.map { $0.flow == flow } ?? flows[flow].handles(sent.event)
    default: false
    }
  }
}
