import CEL
public import FlowSource
import FlowSyntax

/// A text that an editor shows within a line.
public struct InlayHint: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable { case type, inheritance, order }

  /// The offset before which it is shown.
  public var offset: UInt32
  public var text: String
  public var kind: Kind
  /// Markdown; may be empty.
  public var tooltip: String
}

/// A line above a declaration with an action.
public struct Lens: Hashable, Sendable {
  public enum Action: Hashable, Sendable {
    case runTest(name: String)
    case showDiagram(flow: String)
    case verify(flow: String)
    case openSession
    /// No action: the title is the information.
    case none
  }

  public var range: SourceRange
  public var title: String
  public var action: Action
}

extension ProgramView {
  /// The types of `let` and `const`, the handlers that a state inherits, and the order of reactions to one event.
  public func inlayHints(in path: String, range: SourceRange) -> [InlayHint] {
    guard let unit = unit(path) else { return [] }
    var found: [InlayHint] = []
    for declaration in unit.parsed.declarations {
      let whole = declaration.range
      guard whole.lower <= range.upper, range.lower <= whole.upper else { continue }
      switch declaration {
      case .constant(let node):
        let type = ExpressionScope(names, analysis).type(of: node.value)
        found += typeHint(node, type)
      case .flow(let node):
        let scope = ExpressionScope(names, analysis, flow: node.name.text)
        for definition in node.lets { found += typeHint(definition, scope.type(of: definition.value)) }
        let chart = Chart(node)
        for state in chart.states.indices.dropFirst() { found += hints(of: state, chart, unit) }
      default: break
      }
    }
    return found.filter { range.lower <= $0.offset && $0.offset <= range.upper }.sorted { $0.offset < $1.offset }
  }

  private func typeHint(_ node: ConstantNode, _ type: ValueType) -> [InlayHint] {
    guard !node.name.isMissing, type != .dyn else { return [] }
    return [InlayHint(offset: node.name.range.upper, text: ": \(type)", kind: .type, tooltip: "")]
  }

  private func hints(of state: Int, _ chart: Chart, _ unit: SourceUnit) -> [InlayHint] {
    guard !chart.isEnd(state) else { return [] }
    var found: [InlayHint] = []
    let entry = chart.states[state]
    let inherited = chart.inherited(in: state)
    if !inherited.isEmpty, !entry.name.isMissing {
      let names = inherited.map(\.event)
      let shown = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
      let tooltip = names.map { explain($0, in: state, of: chart) }.joined(separator: "\n\n")
      found.append(
        InlayHint(offset: entry.name.range.upper, text: " inherits \(shown)", kind: .inheritance, tooltip: tooltip))
    }
    return found + order(of: entry.reactions)
  }

  /// The positions of several reactions to one event: the first whose guard is true counts.
  private func order(of reactions: [ReactionNode]) -> [InlayHint] {
    var counts: [String: Int] = [:]
    for name in reactions.flatMap(\.triggers) { counts[name, default: 0] += 1 }
    var next: [String: Int] = [:]
    return reactions.compactMap { reaction in
      guard let name = reaction.triggers.first, counts[name, default: 0] > 1 else { return nil }
      next[name, default: 0] += 1
      return InlayHint(
        offset: reaction.trigger.range.upper, text: " #\(next[name, default: 0])", kind: .order,
        tooltip: "Tried in this order; the first whose guard is true counts.")
    }
  }

  /// The lenses of a file: tests, flows and states.
  public func lenses(in path: String) -> [Lens] {
    guard let unit = unit(path) else { return [] }
    return unit.parsed.declarations.flatMap { declaration -> [Lens] in
      switch declaration {
      case .test(let node): [Lens(range: node.range, title: "run test", action: .runTest(name: node.name))]
      case .flow(let node): flowLenses(node)
      default: []
      }
    }
  }

  private func flowLenses(_ node: FlowNode) -> [Lens] {
    let name = node.name.text
    let chart = Chart(node)
    let tests = units.flatMap(\.parsed.declarations).filter { declaration in
      if case .test(let test) = declaration {
        ProgramView.flow(of: test, names) == name || test.flows.contains { $0.text == name }
      } else {
        false
      }
    }.count
    var found = [
      Lens(range: node.name.range, title: "show diagram", action: .showDiagram(flow: name)),
      Lens(range: node.name.range, title: "verify", action: .verify(flow: name)),
      Lens(range: node.name.range, title: "open session", action: .openSession),
      Lens(range: node.name.range, title: tests == 1 ? "1 test" : "\(tests) tests", action: .none),
    ]
    for state in chart.states.indices.dropFirst() where !chart.isEnd(state) && !chart.states[state].name.isMissing {
      let counts = chart.answerCounts(in: state)
      guard counts.own + counts.inherited + counts.refused > 0 else { continue }
      found.append(
        Lens(
          range: chart.states[state].name.range,
          title: "\(counts.own) answered, \(counts.inherited) inherited, \(counts.refused) refused", action: .none))
    }
    return found
  }
}
