import CEL
import FlowSource
import FlowSyntax

/// The treatment of events in a state.
public struct StateAnswers: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var event: String
    /// `own`, `inherited` or `refused`.
    public var treatment: String
    /// Markdown.
    public var text: String
  }

  public var flow: String
  /// The path of the state; empty for the flow itself.
  public var state: String
  public var events: [Entry]
}

extension ProgramView {
  /// The state around an offset, with its flow.
  public func state(at offset: UInt32, in path: String) -> (flow: String, path: String)? {
    guard let chart = chart(at: offset, in: path) else { return nil }
    return (chart.flow.name.text, chart.states[chart.state(at: offset)].path)
  }

  /// The treatment of one event, or of all events of the flow, in the state around an offset.
  public func why(_ event: String?, at offset: UInt32, in path: String) -> StateAnswers? {
    guard let chart = chart(at: offset, in: path) else { return nil }
    let state = chart.state(at: offset)
    let entries = (event.map { [$0] } ?? chart.events).map { name in
      let found = chart.answers(to: name, in: state)
      let treatment = found.isEmpty ? "refused" : found.contains { $0.state == state } ? "own" : "inherited"
      return StateAnswers.Entry(event: name, treatment: treatment, text: explain(name, in: state, of: chart))
    }
    return StateAnswers(flow: chart.flow.name.text, state: chart.states[state].path, events: entries)
  }
}

/// A flow or an action with the locations where it is called, or where it calls.
public struct CallHierarchyEntry: Hashable, Sendable {
  public var entity: Entity
  public var declaration: DeclaredEntity
  /// The locations of the calls, in the file of the caller.
  public var calls: [Place]
}

extension ProgramView {
  /// The flow or action that is named at an offset.
  public func callable(at offset: UInt32, in path: String) -> DeclaredEntity? {
    guard let entity = occurrence(at: offset, in: path)?.entity else { return nil }
    switch entity {
    case .flow, .action: return declaration(of: entity)
    default: return nil
    }
  }

  /// The declaration of a flow or an action by its name.
  public func callable(named name: String) -> DeclaredEntity? { names.callee(name).flatMap { declaration(of: $0) } }

  /// The flows that call a flow or an action.
  public func incomingCalls(of entity: Entity) -> [CallHierarchyEntry] {
    calls { $0 == entity }.map { caller, locations in
      CallHierarchyEntry(entity: caller.entity, declaration: caller, calls: locations)
    }
  }

  /// The flows and actions that a flow calls.
  public func outgoingCalls(of entity: Entity) -> [CallHierarchyEntry] {
    guard let caller = declaration(of: entity), case .flow = entity else { return [] }
    var found: [CallHierarchyEntry] = []
    for occurrence in occurrences(in: caller.location.file) where isCall(occurrence, within: caller) {
      guard let callee = declaration(of: occurrence.entity) else { continue }
      let location = Place(file: caller.location.file, range: occurrence.range)
      if let index = found.firstIndex(where: { $0.entity == occurrence.entity }) {
        found[index].calls.append(location)
      } else {
        found.append(CallHierarchyEntry(entity: occurrence.entity, declaration: callee, calls: [location]))
      }
    }
    return found
  }

  private func isCall(_ occurrence: Occurrence, within caller: DeclaredEntity) -> Bool {
    guard caller.range.lower <= occurrence.range.lower, occurrence.range.upper <= caller.range.upper,
      occurrence.access != .declaration
    else { return false }
    switch occurrence.entity {
    case .action, .flow: return true
    default: return false
    }
  }

  /// The flows with the locations at which they name an entity.
  private func calls(_ isWanted: (Entity) -> Bool) -> [(DeclaredEntity, [Place])] {
    names.flows.compactMap { flow in
      guard let caller = declaration(of: .flow(flow)) else { return nil }
      let locations = occurrences(in: caller.location.file).filter { isCall($0, within: caller) && isWanted($0.entity) }
        .map { Place(file: caller.location.file, range: $0.range) }
      return locations.isEmpty ? nil : (caller, locations)
    }
  }
}
