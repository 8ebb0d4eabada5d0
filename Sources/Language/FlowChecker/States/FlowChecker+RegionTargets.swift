import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F112: a transition from one region to another leaves the parallel with all its regions, and enters it again.
  mutating func checkRegionTargets() {
    for reaction in reactions {
      guard let target = reaction.rest.target, !reaction.rest.isReenter,
        let region = regionAround(target), !around(reaction.source).contains(region),
        around(reaction.source).contains(states[region].parent), reaction.source != states[region].parent
      else { continue }
      problems.append(
        Diagnostic(
          "F112", .warning, "this leaves `\(states[states[region].parent].path)` with all its regions",
          at: reaction.range, label: "enters the region `\(states[region].name.text)`",
          labels: [.init(states[region].name.range, "another region")],
          help: "`raise` an event for the other region; or write `reenter` if all regions should restart"))
    }
  }

  private func around(_ state: Int) -> Set<Int> {
    var found: Set<Int> = [0]
    var current = state
    while current != 0 {
      found.insert(current)
      current = states[current].parent
    }
    return found
  }

  private func regionAround(_ state: Int) -> Int? {
    var current = state
    while current != 0 {
      if states[current].kind == .region { return current }
      current = states[current].parent
    }
    return nil
  }
}
