extension Model {
  /// Performs the selected reactions and everything that follows from them.
  mutating func macrostep(_ chosen: [Chosen]) throws(Refusal) {
    try microstep(chosen)
    try settle()
  }

  mutating func settle() throws(Refusal) {
    try drain()
    try checkBound()
    try offerDeferred()
  }

  func checkBound() throws(Refusal) {
    guard let bound = chart.bound else { return }
    if values.reduce(0, +) >= bound { throw Refusal(code: "invariant-broken") }
  }

  /// First `always` reactions, then raised events, until none is left or the flow has ended.
  private mutating func drain() throws(Refusal) {
    while !chart.root.children.contains(where: { $0.isFinal && active.contains($0.path) }) {
      let always = try select(.always).chosen
      if !always.isEmpty {
        try microstep(always)
        continue
      }
      if queue.isEmpty { break }
      try react(to: mistake == .raisedInReverse ? queue.removeLast() : queue.removeFirst())
    }
    try endIfNothingCanHappen()
  }

  private mutating func react(to event: Inner) throws(Refusal) {
    switch event {
    case .done(let path):
      given = nil
      let answer = try select(.done(path))
      if !answer.chosen.isEmpty { try microstep(answer.chosen) }
    case .raised(let event, let value):
      given = value
      let answer = try select(.event(event))
      if !answer.chosen.isEmpty {
        try microstep(answer.chosen)
      } else if answer.isPutOff {
        try keep(PutOff(event: event, given: value, sender: sender))
      } else if !answer.isIgnored {
        throw Refusal(code: "raised-not-handled")
      }
    }
  }

  /// Ends the instance: in a final state of the flow, or when only final states are active and no reaction remains.
  mutating func endIfNothingCanHappen() throws(Refusal) {
    guard status == .running else { return }
    let isAtTop = chart.root.children.contains { $0.isFinal && active.contains($0.path) }
    guard isAtTop || leaves.allSatisfy({ node($0).isFinal }) && !canReact else { return }
    for event in putOff { log.append("`\(Chart.events[event.event])` was deferred when the flow ended") }
    let last = active
    for node in leavingOrder(chart.root) where last.contains(node.path) && node.kind != .root {
      try perform(node.exit)
      active.remove(node.path)
    }
    active = last
    status = leaves.contains { node($0).kind == .failed } ? .failed : .done
    timers = []
    putOff = []
    memory = [:]
    queue = []
  }

  private var canReact: Bool {
    if !timers.isEmpty { return true }
    return nodes.contains { node in
      active.contains(node.path)
        && node.reactions.contains { reaction in
          if case .events = reaction.trigger { true } else { reaction.trigger == .any }
        }
    }
  }

  /// Offers the deferred events, oldest first, again from the start after each handled one. A failing event is
  /// refused,
  /// and its changes are reverted.
  private mutating func offerDeferred() throws(Refusal) {
    var index = 0
    while status == .running, index < putOff.count {
      let before = self
      do throws(Refusal) {
        if try offer(putOff[index], at: index) { index = 0 } else { index += 1 }
      } catch {
        if error.code == Model.impatience { throw error }
        let event = before.putOff[index]
        self = before
        putOff.remove(at: index)
        refused.append("\(Chart.events[event.event]) \(error.code)")
      }
    }
  }

  /// - Returns: False when the event stays deferred.
  private mutating func offer(_ event: PutOff, at index: Int) throws(Refusal) -> Bool {
    given = event.given
    sender = event.sender
    let answer = try select(.event(event.event))
    if answer.chosen.isEmpty, answer.isPutOff { return false }
    if answer.chosen.isEmpty, !answer.isIgnored { throw Refusal(code: try refusal(of: event.event)) }
    putOff.remove(at: index)
    guard !answer.chosen.isEmpty else { return true }
    microsteps = 0
    try microstep(answer.chosen)
    try drain()
    try checkBound()
    return true
  }

  /// Exits from the inside out, performs actions, enters from the outside in.
  private mutating func microstep(_ chosen: [Chosen]) throws(Refusal) {
    microsteps += 1
    guard microsteps <= patience else {
      throw Refusal(code: patience < 1000 ? Model.impatience : "too-many-microsteps")
    }
    arguments = try arguments(of: chosen)
    let leaving = chosen.reduce(into: Set<String>()) { $0.formUnion(left(by: $1)) }
    let inner = leaves
    for path in leaving { memory[path] = Set(inner.filter { isInside($0, path) }) }
    for node in leavingOrder(chart.root) where leaving.contains(node.path) { try leave(node) }
    for each in chosen { try perform(each.reaction.statements) }
    if mistake == .argumentsAfterActions { arguments = try arguments(of: chosen) }
    for each in chosen {
      guard let domain = domain(of: each) else { continue }
      restored = restored(by: each.reaction)
      // In a parallel state that stays active, only the region of the target was exited.
      let region =
        node(domain).kind == .parallel ? each.reaction.target.flatMap { self.region(of: domain, around: $0) } : nil
      try enterChildren(of: node(domain), towards: goals(of: each.reaction), only: region)
    }
  }
}
