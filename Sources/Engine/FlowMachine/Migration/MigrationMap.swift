import FlowIR

/// Maps the states, timers and calls of one version of a flow to those of another, by name and order.
struct MigrationMap {
  let old: Flow
  let new: Flow
  let oldProgram: Program
  let newProgram: Program
  private let moves: [String: StateIndex]
  private let newStates: [String: StateIndex]

  init(from oldProgram: Program, _ old: Flow, to newProgram: Program, _ new: Flow) {
    (self.old, self.new, self.oldProgram, self.newProgram) = (old, new, oldProgram, newProgram)
    let migration = new.migrations.first { $0.from == old.version }
    moves = Dictionary((migration?.moves ?? []).map { ($0.from, $0.to) }) { first, _ in first }
    newStates = Dictionary(new.states.indexed.map { ($0.element.path, $0.index) }) { first, _ in first }
  }

  /// The `migrate from` of the new version for the old one.
  var migration: Migration? { new.migrations.first { $0.from == old.version } }

  /// The new index of a state of the old version: the target of the nearest moved ancestor, or else the state with the
  /// same path.
  func state(_ path: String) -> StateIndex? {
    var outer = path
    var inner = ""
    while true {
      if let moved = moves[outer] { return newStates[new.states[moved].path + inner] ?? moved }
      guard let dot = outer.lastIndex(of: ".") else { break }
      inner = outer[dot...] + inner
      outer = String(outer[..<dot])
    }
    return newStates[path]
  }

  /// Returns true if a state of the new version existed in the old one with the same path.
  func isSame(_ state: StateIndex) -> Bool {
    let path = new.states[state].path
    return moves[path] == nil && old.states.contains { $0.path == path }
  }

  /// A timer's transition: in the corresponding state, of the same kind, and at the same position among its kind.
  func transition(_ index: Int) -> Int? {
    let transition = old.transitions[index]
    guard let state = state(old.states[transition.source].path) else { return nil }
    let earlier = timers(of: transition.source, old).filter {
      $0 < index && isSameKind(old.transitions[$0], transition)
    }
    let found = timers(of: state, new).filter { isSameKind(new.transitions[$0], transition) }
    return found.indices.contains(earlier.count) ? found[earlier.count] : nil
  }

  private func timers(of state: StateIndex, _ flow: Flow) -> [Int] {
    flow.states[state].transitions.filter { flow.transitions[$0].trigger.isTimer }
  }

  private func isSameKind(_ a: Transition, _ b: Transition) -> Bool {
    switch (a.trigger, b.trigger) {
    case (.after, .after), (.every, .every), (.at, .at), (.cron, .cron): true
    default: false
    }
  }

  /// A call: in the corresponding state, of the same name and target.
  func call(_ index: CallIndex) -> CallIndex? {
    guard old.calls.indices.contains(index) else { return nil }
    let call = old.calls[index]
    guard let state = state(old.states[call.state].path) else { return nil }
    return new.calls.firstIndex {
      $0.state == state && $0.name == call.name && name($0.target, newProgram) == name(call.target, oldProgram)
        && ($0.loop == nil) == (call.loop == nil)
    }
  }

  func name(_ target: Call.Target, _ program: Program) -> String {
    switch target {
    case .action(let action): program.actions[action].name
    case .flow(let flow): program.flows[flow].name
    }
  }
}
