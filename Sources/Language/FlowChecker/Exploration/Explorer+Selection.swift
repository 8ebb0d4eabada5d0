import CEL
import FlowIR

extension Explorer {
  /// One way in which reactions are selected for a signal.
  struct Choice {
    var selected: [Int] = []
    /// The guards that hold, and those that don't, by the index of their reaction.
    var held: [Int] = []
    var failed: [Int] = []
    /// True if a state handled the signal, even if only to ignore it.
    var isTaken = false
  }

  /// The ways in which the active states may react: innermost states first; a parallel only if none of its regions
  /// handled the signal.
  /// - Parameter active: In document order.
  mutating func choices(for signal: Signal, in active: [Int]) -> [Choice] {
    if case .always = signal, eager.isDisjoint(with: active) { return [Choice()] }
    var position = 0
    return choices(for: signal, in: active, at: &position)
  }

  /// The ways of the state at a position, which is moved behind the states inside of it.
  private mutating func choices(for signal: Signal, in active: [Int], at position: inout Int) -> [Choice] {
    let state = active[position]
    position += 1
    var found: [Choice] = []
    while position < active.count, active[position] < states[state].end {
      let inside = choices(for: signal, in: active, at: &position)
      found = found.isEmpty ? inside : product(found, inside)
    }
    if found.isEmpty { found = [Choice()] }
    let candidates = candidates(for: signal, in: state)
    guard !candidates.isEmpty else { return found }
    return found.flatMap { $0.isTaken ? [$0] : extended($0, by: candidates) }
  }

  private mutating func product(_ left: [Choice], _ right: [Choice]) -> [Choice] {
    guard min(left.count, right.count) == 1 || left.count * right.count <= Explorer.maximumChoices else {
      isOverBudget = true
      return left
    }
    return left.flatMap { first in
      right.map { second in
        Choice(
          selected: first.selected + second.selected, held: first.held + second.held,
          failed: first.failed + second.failed, isTaken: first.isTaken || second.isTaken)
      }
    }
  }

  /// A reaction, or nil where the signal is ignored or deferred.
  private func candidates(for signal: Signal, in state: Int) -> [Int?] {
    func reactions(to signal: Signal) -> [Int] { handlers[HandlerKey(state: state, signal: signal)] ?? [] }
    switch signal {
    case .event(let event):
      let isPassive = states[state].ignored.contains(event) || states[state].deferred.contains(event)
      return reactions(to: signal) + (isPassive ? [nil] : []) + reactions(to: .otherEvent)
    case .reaction(let reaction): return self.reactions[reaction].source == state ? [reaction] : []
    default: return reactions(to: signal)
    }
  }

  private func extended(_ choice: Choice, by candidates: [Int?]) -> [Choice] {
    var found: [Choice] = []
    var rest = choice
    for candidate in candidates {
      guard let candidate else {
        rest.isTaken = true
        return found + [rest]
      }
      let certainty = certainty(of: candidate)
      if certainty == .never { continue }
      var taken = rest
      taken.selected.append(candidate)
      taken.isTaken = true
      if certainty == .always { return found + [taken] }
      taken.held.append(candidate)
      found.append(taken)
      rest.failed.append(candidate)
    }
    return found + [rest]
  }

  // MARK: - Triggers that may be due immediately

  /// The slots that decide whether a trigger is due immediately.
  func immediateReads(_ reaction: Int) -> Set<Int> {
    switch reactions[reaction].trigger {
    case .at(let instant): instant.tree.usedSlots
    case .callDone(let call), .itemDone(let call):
      (calls[call].once?.tree.usedSlots ?? []).union(calls[call].loop?.list.tree.usedSlots ?? [])
    default: []
    }
  }

  func isDueAtOnce(_ reaction: Int) -> Bool {
    switch reactions[reaction].trigger {
    case .at(let instant): !instant.tree.usedSlots.contains(FrameLayout.now)
    // There may be nothing to undo.
    case .rollbackDone: true
    default: false
    }
  }

  /// Returns whether a call may have its result when its state is entered: by a known key of `once`, or because its
  /// list is empty.
  func isAnsweredAtOnce(_ call: Int) -> Bool {
    mayBeEmpty(calls[call]) || hasKnownKey(calls[call])
  }

  /// Returns whether the work of a call may be done already, so that its result is known when it starts.
  func hasKnownKey(_ call: CheckedCall) -> Bool {
    guard let key = call.once else { return false }
    let read = key.tree.usedSlots
    return !read.contains(FrameLayout.now) && !read.contains(FrameLayout.event)
      && read.isDisjoint(with: calls.map(\.resultSlot)) && read.isDisjoint(with: assignedAfterStart)
  }

  /// Returns whether a call is repeated for a list that may have no items.
  func mayBeEmpty(_ call: CheckedCall) -> Bool {
    guard let list = call.loop?.list.tree else { return false }
    if case .constant(.list(let items)) = list.kind { return Array(items).isEmpty }
    if case .list(let elements) = list.kind { return elements.allSatisfy(\.isOptional) }
    return true
  }

  /// Returns whether a selection leaves a state, so that its calls and timers restart when it is entered.
  func leaves(_ state: Int, _ choice: Choice) -> Bool {
    choice.selected.contains { reaction in
      guard let target = reactions[reaction].rest.target else { return false }
      let source = reactions[reaction].source
      let isInside = target != source && (source..<states[source].end).contains(target)
      return !isInside || reactions[reaction].rest.isReenter || source != state
    }
  }
}
