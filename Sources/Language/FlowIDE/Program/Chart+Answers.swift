import FlowSource
public import FlowSyntax

// The reactions that answer an event in a state.
extension Chart {
  /// One way in which a state treats an event.
  public enum Treatment: Sendable {
    case reaction(ReactionNode)
    case ignored
    case deferred
  }

  /// One way to treat an event, with the state in which it is written.
  public struct Answer: Sendable {
    public var state: Int
    public var treatment: Treatment

    /// True if it applies whatever the caller and the values are.
    public var isUnconditional: Bool {
      guard case .reaction(let node) = treatment else { return true }
      return node.rest.guardExpression == nil && node.rest.roles.isEmpty
    }
  }

  /// The answers to an event while a state is active, in the order in which the engine tries them; those after an
  /// unconditional one are left out.
  /// - Parameter event: The name of the event as it is written in the flow, or that of a completion such as `x.done`.
  public func answers(to event: String, in state: Int) -> [Answer] {
    var found: [Answer] = []
    for scope in ancestors(of: state) {
      for answer in ownAnswers(to: event, in: scope) {
        found.append(answer)
        if answer.isUnconditional { return found }
      }
    }
    return found
  }

  /// The answers that are written in a state itself: reactions that name the event, then `ignore` and `defer`, then
  /// reactions to `any`.
  public func ownAnswers(to event: String, in state: Int) -> [Answer] {
    let reactions = states[state].reactions
    let exact = reactions.filter { $0.triggers.contains(event) }
    let node = states[state].node
    let general = isEvent(event) ? reactions.filter { $0.triggers.contains("any") } : []
    var found = exact.map { Answer(state: state, treatment: .reaction($0)) }
    if node?.ignored.contains(where: { $0.text == event }) == true {
      found.append(Answer(state: state, treatment: .ignored))
    }
    if node?.deferred.contains(where: { $0.text == event }) == true {
      found.append(Answer(state: state, treatment: .deferred))
    }
    return found + general.map { Answer(state: state, treatment: .reaction($0)) }
  }

  private func isEvent(_ name: String) -> Bool {
    !["any", "done", "failed", "error"].contains(name) && !name.contains(".")
  }

  /// The events that the flow answers in some state, in the order of the text.
  public var events: [String] {
    var seen: Set<String> = []
    var found: [String] = []
    for state in states {
      found += state.reactions.flatMap(\.triggers).filter(isEvent)
      if let node = state.node { found += (node.ignored + node.deferred).map(\.text) }
    }
    return found.filter { !$0.isEmpty && seen.insert($0).inserted }
  }

  /// The number of events of the flow that a state answers by itself, by a state around it, and not at all.
  public func answerCounts(in state: Int) -> (own: Int, inherited: Int, refused: Int) {
    var counts = (own: 0, inherited: 0, refused: 0)
    for event in events {
      let found = answers(to: event, in: state)
      if found.contains(where: { $0.state == state }) {
        counts.own += 1
      } else if found.isEmpty {
        counts.refused += 1
      } else {
        counts.inherited += 1
      }
    }
    return counts
  }

  /// The answers that a state has from states around it, by event, in the order of ``events``.
  public func inherited(in state: Int) -> [(event: String, answers: [Answer])] {
    events.compactMap { event in
      let found = answers(to: event, in: state).filter { $0.state != state }
      return found.isEmpty ? nil : (event, found)
    }
  }
}

extension ReactionNode {
  /// The triggers after `on`, as written; empty for any other trigger.
  public var triggers: [String] {
    if case .on(let paths) = trigger.kind { paths.filter { !$0.isMissing }.map(\.text) } else { [] }
  }
}
