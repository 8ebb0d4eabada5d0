public import CEL
public import FlowIR

/// A program prepared for execution: its expressions as code, its transitions in dispatch tables. Immutable.
///
/// ```swift
/// let machine = try Machine(program)
/// let stepper = Stepper(machine)
/// ```
public final class Machine: Sendable {
  public let program: Program
  public let types: TypeRegistry
  let flows: IndexedList<FlowIndex, LoadedFlow>
  /// The code of the computed members of each event.
  let computedMembers: IndexedList<EventIndex, [ExpressionProgram]>
  /// A flow without states, for an interpreter before its first step.
  let emptyFlow: LoadedFlow
  private let flowIndices: [String: FlowIndex]
  private let eventIndices: [String: EventIndex]

  /// Validates a program and prepares it.
  /// - Throws: `ProgramError` for an index out of range, or an expression that can't be loaded.
  public init(_ program: Program) throws(ProgramError) {
    try program.validate()
    self.program = program
    self.types = program.registry
    var loaded: IndexedList<FlowIndex, LoadedFlow> = []
    for index in program.flows.indices { loaded.append(try LoadedFlow(program, index, types: types)) }
    self.flows = loaded
    var computed: IndexedList<EventIndex, [ExpressionProgram]> = []
    for event in program.events { computed.append(try Machine.compile(event.computed, types: types)) }
    self.computedMembers = computed
    self.emptyFlow = try LoadedFlow(.empty, 0, types: types)
    self.flowIndices = Dictionary(program.flows.indexed.map { ($0.element.name, $0.index) }) { first, _ in first }
    self.eventIndices = Dictionary(program.events.indexed.map { ($0.element.name, $0.index) }) { first, _ in first }
  }

  private static func compile(
    _ members: [ComputedMember], types: TypeRegistry
  ) throws(ProgramError) -> [ExpressionProgram] {
    var programs: [ExpressionProgram] = []
    for member in members {
      do throws(LoadError) {
        programs.append(try ExpressionProgram(member.value.tree, types: types))
      } catch {
        throw ProgramError("the computed member `\(member.name)`: \(error.message)")
      }
    }
    return programs
  }

  public func flow(named name: String) -> FlowIndex? { flowIndices[name] }

  public func event(named name: String) -> EventIndex? { eventIndices[name] }

  /// The flows that an event may reach, with the payload field that carries their key; nil where the payload has none.
  public func route(event: EventIndex) -> [(flow: FlowIndex, keyField: Int?)] {
    flows.indices.compactMap { index in
      guard flows[index].handled.contains(event) else { return nil }
      return (index, flows[index].keyField(of: event))
    }
  }

  /// Returns true if any part of a flow reacts to an event.
  public func handles(event: EventIndex, flow: FlowIndex) -> Bool { flows[flow].handled.contains(event) }

  /// The events that some part of a flow reacts to.
  public func handledEvents(flow: FlowIndex) -> Set<EventIndex> { flows[flow].handled }

  /// The payload field of an event that carries the key of a flow.
  public func keyField(of event: EventIndex, flow: FlowIndex) -> Int? { flows[flow].keyField(of: event) }

  /// The events that an instance of a flow reacts to, ignores or defers in some states, given as paths.
  public func acceptedEvents(flow: FlowIndex, in leaves: [String]) -> [String] {
    let node = program.flows[flow]
    let inner = node.states.indices.filter { $0 != .root && leaves.contains(node.states[$0].path) }
    let active = StateSet([.root] + inner.flatMap { node.around($0) })
    return acceptedEvents(in: active, of: flows[flow])
  }

  /// Each once, in the order of the program; internal events only on request.
  func acceptedEvents(in active: StateSet, of flow: LoadedFlow, includesInternal: Bool = false) -> [String] {
    program.events.indices.filter { event in
      (includesInternal || !program.events[event].isInternal)
        && flow.triggers[flow.trigger(of: event)].range.contains { active.contains(flow.reactions[$0].state) }
    }.map { program.events[$0].name }
  }

  /// True for an event that only flows emit or raise.
  public func isInternal(event: EventIndex) -> Bool { program.events[event].isInternal }

  /// Returns true if an event can start an instance of a flow.
  public func starts(flow: FlowIndex, on event: EventIndex) -> Bool { flows[flow].starts(on: event) }

  /// Returns true if an event can start another run under a key whose instance has ended.
  public func startsAgain(flow: FlowIndex, on event: EventIndex) -> Bool { flows[flow].startsAgain(on: event) }
}

extension Program {
  /// A program with one flow that has no states except its root.
  fileprivate static let empty: Program = {
    var program = Program()
    program.flows = [
      Flow(
        name: "", version: 1, key: nil, fields: [], definitions: [], calls: [], keptCount: 0,
        frameSize: FrameLayout.firstField, invariants: [],
        states: [State(name: "", path: "", kind: .root, parent: .root, depth: 0, end: 1)], transitions: [], starts: [],
        location: SourceLocation(file: "", line: 1))
    ]
    return program
  }()
}
