public import FlowSource
public import FlowSyntax

/// The states of a flow as a table, from its syntax tree alone.
public struct Chart: Sendable {
  /// A state, or the flow itself, which is the first.
  public struct State: Sendable {
    /// The names from the outermost state, joined by dots; empty for the flow itself.
    public var path: String
    public var name: NameNode
    public var parent: Int
    public var children: [Int] = []
    /// Nil for the flow itself.
    public var node: StateNode?
    public var reactions: [ReactionNode]
    public var range: SourceRange
  }

  public let flow: FlowNode
  public private(set) var states: [State]

  public init(_ flow: FlowNode) {
    self.flow = flow
    states = [State(path: "", name: flow.name, parent: 0, node: nil, reactions: flow.reactions, range: flow.range)]
    for child in flow.states { add(child, to: 0) }
  }

  private mutating func add(_ node: StateNode, to parent: Int) {
    let index = states.count
    let path = parent == 0 ? node.name.text : states[parent].path + "." + node.name.text
    states.append(
      State(path: path, name: node.name, parent: parent, node: node, reactions: node.reactions, range: node.range))
    states[parent].children.append(index)
    for child in node.children { add(child, to: index) }
  }

  /// The innermost state that contains an offset.
  public func state(at offset: UInt32) -> Int {
    var state = 0
    while let inner = states[state].children.first(where: { states[$0].range.contains(offset) }) { state = inner }
    return state
  }

  /// The state with a path.
  public func state(named path: String) -> Int? { states.indices.first { states[$0].path == path } }

  /// A state and the states around it, innermost first; the last is the flow itself.
  public func ancestors(of state: Int) -> [Int] {
    var found = [state]
    while let last = found.last, last != 0 { found.append(states[last].parent) }
    return found
  }

  /// True for a `final` or `failed` state.
  public func isEnd(_ state: Int) -> Bool { [.final, .failed].contains(states[state].node?.kind) }

  /// The name of a state in a sentence.
  public func title(of state: Int) -> String { state == 0 ? flow.name.text : states[state].path }

  /// The state that each name of a path means in a state, as the compiler resolves it; nil when none exists.
  public func resolve(_ path: PathNode, from source: Int) -> [Int]? {
    resolve(path.names.filter { !$0.isMissing }.map(\.text), from: source)
  }

  func resolve(_ path: [String], from source: Int) -> [Int]? {
    var names = path
    if names.count > 1, names.last == "history" { names.removeLast() }
    guard let first = names.first, let start = nearest(first, from: source) else { return nil }
    var found = [start]
    for name in names.dropFirst() {
      guard let next = child(named: name, of: found[found.count - 1]) else { return found }
      found.append(next)
    }
    return found
  }

  /// The action or flow that the calls and steps of a name perform.
  func callee(ofCall name: String) -> String? {
    let calls = states.compactMap(\.node).flatMap { $0.calls + $0.steps.flatMap(\.steps) }
    return calls.first { ($0.name ?? $0.action.names.last)?.text == name }?.action.text
  }

  /// The target of a reaction that is written in a state.
  public func target(of tail: TransitionTailNode, from source: Int) -> Int? {
    guard let path = tail.target, !path.isMissing else { return nil }
    return resolve(path, from: source)?.last
  }

  private func child(named name: String, of state: Int) -> Int? {
    states[state].children.first { states[$0].name.text == name }
  }

  private func nearest(_ name: String, from source: Int) -> Int? {
    for scope in ancestors(of: source) {
      if let found = child(named: name, of: scope) { return found }
    }
    let everywhere = states.indices.dropFirst().filter { states[$0].name.text == name }
    return everywhere.count == 1 ? everywhere[0] : nil
  }

  /// The shortest path that means a state when it is written in another.
  public func shortestPath(to state: Int, from source: Int) -> String {
    let names = states[state].path.split(separator: ".").map(String.init)
    for count in 1..<max(names.count, 1) {
      let path = Array(names.suffix(count))
      if resolve(path, from: source)?.last == state { return path.joined(separator: ".") }
    }
    return states[state].path
  }

  /// The reactions and starts that lead to a state, each with the state in which it is written; nil for a start.
  public func incoming(to state: Int) -> [(source: Int?, range: SourceRange)] {
    let starts = flow.starts.filter { target(of: $0.rest, from: 0) == state }.map {
      (source: Int?.none, range: $0.range)
    }
    let reactions = states.indices.flatMap { source in
      states[source].reactions.filter { target(of: $0.rest, from: source) == state }
        .map { (source: Int?.some(source), range: $0.range) }
    }
    return starts + reactions
  }
}
