extension Model {
  /// The chosen reactions, then all that follows from them.
  mutating func macrostep(_ chosen: [Chosen]) throws(Refusal) {
    try microstep(chosen)
    try settle()
  }

  mutating func settle() throws(Refusal) {
    try drain()
    try offerPutOff()
    guard let bound = chart.bound else { return }
    if values.reduce(0, +) >= bound { throw Refusal(code: "invariant-broken") }
  }

  /// First `always`, then what was raised, until nothing is left or the end has come.
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
    endIfAllIsFinal()
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

  private mutating func endIfAllIsFinal() {
    guard status == .running, leaves.allSatisfy({ node($0).isFinal }) else { return }
    status = leaves.contains { node($0).kind == .failed } ? .failed : .done
    timers = []
    putOff = []
    memory = [:]
  }

  /// Offers again what was put off, oldest first, from the start after each that was taken.
  private mutating func offerPutOff() throws(Refusal) {
    var index = 0
    while status == .running, index < putOff.count {
      let event = putOff[index]
      given = event.given
      sender = event.sender
      let answer = try select(.event(event.event))
      if answer.chosen.isEmpty, answer.isPutOff {
        index += 1
        continue
      }
      putOff.remove(at: index)
      if !answer.chosen.isEmpty {
        try microstep(answer.chosen)
        try drain()
        index = 0
      } else if !answer.isIgnored {
        let name = Chart.events[event.event]
        log.append("`\(name)` was put off and is not handled in " + leaves.joined(separator: ", "))
      }
    }
  }

  /// Leaves inside out, acts, enters outside in.
  private mutating func microstep(_ chosen: [Chosen]) throws(Refusal) {
    microsteps += 1
    guard microsteps <= patience else {
      throw Refusal(code: patience < 1000 ? Model.impatience : "too-many-microsteps")
    }
    let leaving = chosen.reduce(into: Set<String>()) { $0.formUnion(left(by: $1)) }
    let inner = leaves
    for path in leaving { memory[path] = Set(inner.filter { isInside($0, path) }) }
    for node in leavingOrder(chart.root) where leaving.contains(node.path) { try leave(node) }
    for each in chosen { try perform(each.reaction.acts) }
    for each in chosen {
      guard let domain = domain(of: each) else { continue }
      try enterChildren(of: node(domain), towards: goals(of: each.reaction))
    }
  }
}
