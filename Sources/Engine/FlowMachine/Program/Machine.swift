public import CEL
public import FlowIR

/// A program made ready to run: its expressions as code, its transitions in dispatch tables. Never changes.
public final class Machine: Sendable {
  public let program: Program
  public let types: TypeRegistry
  let flows: [LoadedFlow]
  private let flowIndices: [String: Int]
  private let eventIndices: [String: Int]

  /// Checks a program and makes it ready.
  /// - Throws: `ProgramError` when it refers to what is not there, or holds code that makes no sense.
  public init(_ program: Program) throws(ProgramError) {
    try program.validate()
    self.program = program
    self.types = program.registry
    var loaded: [LoadedFlow] = []
    for index in program.flows.indices { loaded.append(try LoadedFlow(program, index, types)) }
    self.flows = loaded
    self.flowIndices = Dictionary(program.flows.enumerated().map { ($1.name, $0) }) { first, _ in first }
    self.eventIndices = Dictionary(program.events.enumerated().map { ($1.name, $0) }) { first, _ in first }
  }

  public func flow(named name: String) -> Int? { flowIndices[name] }

  public func event(named name: String) -> Int? { eventIndices[name] }

  /// The flows that an event may reach, with the payload field that carries their key; nil where the payload has none.
  public func route(event: Int) -> [(flow: Int, keyField: Int?)] {
    flows.indices.compactMap { index in
      guard flows[index].handled.contains(event) else { return nil }
      return (index, flows[index].keyField(of: event))
    }
  }

  /// Whether some part of a flow reacts to an event.
  public func handles(event: Int, flow: Int) -> Bool { flows[flow].handled.contains(event) }

  /// The payload field of an event that carries the key of a flow.
  public func keyField(of event: Int, flow: Int) -> Int? { flows[flow].keyField(of: event) }

  /// The events that an instance of a flow reacts to, ignores or puts off in some states, given as paths.
  public func acceptedEvents(flow: Int, in leaves: [String]) -> [String] {
    let node = program.flows[flow]
    let inner = node.states.indices.filter { $0 > 0 && leaves.contains(node.states[$0].path) }
    let active = StateSet([0] + inner.flatMap { node.around($0) })
    return acceptedEvents(active, flows[flow])
  }

  /// Each once, in the order of the program.
  func acceptedEvents(_ active: StateSet, _ flow: LoadedFlow) -> [String] {
    program.events.indices.filter { event in
      flow.triggers[event].range.contains { active.contains(Int(flow.answers[$0].state)) }
    }.map { program.events[$0].name }
  }

  /// Whether an event may begin an instance of a flow.
  public func starts(flow: Int, on event: Int) -> Bool { program.flows[flow].starts.contains { $0.event == event } }

  /// Whether an event may begin another run under a key that has ended.
  public func startsAgain(flow: Int, on event: Int) -> Bool {
    program.flows[flow].starts.contains { $0.trigger == .event(event, isAgain: true) }
  }
}
