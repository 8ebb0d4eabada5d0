extension Model {
  /// A selected reaction, and its state.
  struct Chosen {
    var source: String
    var reaction: Reaction
  }

  enum Question {
    case event(Int), always, error
    /// Considers only the state itself.
    case done(String)
  }

  struct Answer {
    var chosen: [Chosen] = []
    var isIgnored = false
    var isPutOff = false
  }

  /// Selects from the inside out, then removes reactions that would exit a state that an earlier one exits.
  func select(_ question: Question) throws(Refusal) -> Answer {
    var answer = Answer()
    _ = try ask(chart.root, question, &answer)
    var kept: [Chosen] = []
    for candidate in answer.chosen {
      let mine = left(by: candidate)
      if kept.allSatisfy({ left(by: $0).isDisjoint(with: mine) }) { kept.append(candidate) }
    }
    answer.chosen = kept
    return answer
  }

  /// - Returns: Whether the state or a descendant handled the trigger.
  private func ask(_ node: Node, _ question: Question, _ answer: inout Answer) throws(Refusal) -> Bool {
    var isTaken = false
    for child in node.children where active.contains(child.path) {
      if try ask(child, question, &answer) { isTaken = true }
    }
    if isTaken { return true }
    if try choose(node, &answer, where: { isMeant($0, node.path, question) }) { return true }
    guard case .event(let event) = question else { return false }
    if node.ignored.contains(event) {
      answer.isIgnored = true
      return true
    }
    if node.deferred.contains(event) {
      answer.isPutOff = true
      return true
    }
    return try choose(node, &answer) { $0.trigger == .any }
  }

  private func choose(
    _ node: Node, _ answer: inout Answer, where isMeant: (Reaction) -> Bool
  ) throws(Refusal) -> Bool {
    for reaction in node.reactions where isMeant(reaction) {
      guard try holds(reaction) else { continue }
      answer.chosen.append(Chosen(source: node.path, reaction: reaction))
      return true
    }
    return false
  }

  private func isMeant(_ reaction: Reaction, _ path: String, _ question: Question) -> Bool {
    switch (question, reaction.trigger) {
    case (.event(let event), .events(let events)): events.contains(event)
    case (.always, .always), (.error, .error): true
    case (.done(let state), .done): state == path
    default: false
    }
  }

  func holds(_ reaction: Reaction) throws(Refusal) -> Bool {
    if reaction.isForBoss, sender == .anybody { return false }
    return try reaction.condition.map { condition throws(Refusal) in try isTrue(condition) } ?? true
  }

  /// The reason for the refusal of an event without an enabled reaction.
  func refusal(of event: Int) throws(Refusal) -> String {
    let asked = nodes.filter { active.contains($0.path) }.flatMap(\.reactions).filter { reaction in
      if case .events(let events) = reaction.trigger { return events.contains(event) }
      return reaction.trigger == .any
    }
    if asked.isEmpty { return "not-handled" }
    return asked.allSatisfy { $0.isForBoss && sender == .anybody } ? "role-missing" : "guard-false"
  }

  /// The events with a reaction, an `ignore` or a `defer` in an active state.
  var accepted: [Int] {
    let here = nodes.filter { active.contains($0.path) }
    return Chart.events.indices.filter { event in
      here.contains { node in
        node.ignored.contains(event) || node.deferred.contains(event)
          || node.reactions.contains { isMeant($0, node.path, .event(event)) || $0.trigger == .any }
      }
    }
  }

  // MARK: - Exited states

  /// The innermost state that stays active; nil if no state is exited.
  func domain(of chosen: Chosen) -> String? {
    guard let target = chosen.reaction.target else { return nil }
    if isInside(target, chosen.source), !chosen.reaction.isReenter {
      let source = node(chosen.source)
      guard source.kind == .parallel else { return source.path }
      return source.children.first { isInside(target, $0.path) }?.path ?? source.path
    }
    var outer = chosen.source
    repeat {
      outer = parent(of: outer)
      // Of a parallel state that stays active, only the common region is exited.
      if node(outer).kind == .parallel, let region = region(of: outer, around: target),
        chosen.source == region || isInside(chosen.source, region)
      {
        return outer
      }
    } while !isInside(target, outer) || node(outer).kind == .parallel
    return outer
  }

  func region(of parallel: String, around path: String) -> String? {
    node(parallel).children.map(\.path).first { $0 == path || isInside(path, $0) }
  }

  func left(by chosen: Chosen) -> Set<String> {
    guard let domain = domain(of: chosen), let target = chosen.reaction.target else { return [] }
    if node(domain).kind == .parallel, let region = region(of: domain, around: target) {
      return active.filter { $0 == region || isInside($0, region) }
    }
    return active.filter { isInside($0, domain) }
  }
}
