import FlowIR

extension Flow {
  /// Refuses what the interpreter does not run yet: better before the first event than in the middle of a run.
  func requireRunnable() throws(ProgramError) {
    for call in calls {
      if call.isStep { throw notYet("`steps`", call.place) }
      if call.action == nil { throw notYet("the call of a flow", call.place) }
      if call.loop != nil { throw notYet("a call `for` each item", call.place) }
      if call.undo != nil { throw notYet("`undo`", call.place) }
    }
    for state in states where state.isRollback { throw notYet("`rollback`", place) }
    for start in starts where start.event == nil { throw notYet("a start without an event", start.place) }
    for transition in transitions {
      switch transition.trigger {
      case .cron: throw notYet("`cron`", transition.place)
      case .error: throw notYet("`on error`", transition.place)
      default: break
      }
    }
    for act in states.flatMap({ $0.entry + $0.exit }) + transitions.flatMap(\.acts) + starts.flatMap(\.acts) {
      if case .assign(_, let part, _) = act.kind, !part.isEmpty { throw notYet("assigning a part", act.place) }
    }
  }

  private func notYet(_ what: String, _ place: Place) -> ProgramError {
    ProgramError("\(place): \(what) can be compiled, but not be run by this version")
  }
}
