import CEL
import FlowIR
import FlowMachine

/// Pseudorandom numbers, the same for the same seed (SplitMix64; Steele, Lea and Flood, 2014).
struct SeededRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ (mixed >> 31)) % UInt64(max(bound, 1)))
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}

/// Values of a type: small ones, and those that occur in the flow, with their neighbours.
struct RandomValues {
  let types: TypeRegistry
  private var ints: [Int64] = [0, 1, 2, 3, -1, 10, 100]
  private var doubles: [Double] = [0, 1, 0.5, -1, 100]
  private var strings: [String] = ["a", "b", ""]
  private var notedDefinitions: Set<ObjectIdentifier> = []
  private var isCallerRead = false
  /// By event: the roles of its reactions; nil represents any event.
  private var roles: [EventIndex?: Set<Int>] = [:]
  /// By event: the first flow that its reactions accept as a sender.
  private var senders: [EventIndex: FlowIndex] = [:]
  /// By event: the first flow that emits it.
  private var emitters: [EventIndex: FlowIndex] = [:]

  /// - Parameter flows: The flows whose values are of interest.
  init(_ flows: [Flow], in program: Program, _ types: TypeRegistry) {
    self.types = types
    for (index, flow) in program.flows.indexed {
      for event in flow.emittedEvents where emitters[event] == nil { emitters[event] = index }
    }
    for flow in flows { note(flow) }
  }

  private mutating func note(_ flow: Flow) {
    for expression in flow.expressions {
      note(expression.tree)
      if expression.tree.usedSlots.contains(FrameLayout.caller) { isCallerRead = true }
    }
    for start in flow.starts {
      roles[start.event, default: []].formUnion(start.roles)
      if let event = start.event, let sender = start.senders.first { senders[event] = sender }
    }
    for transition in flow.transitions {
      switch transition.trigger {
      case .event(let event):
        roles[event, default: []].formUnion(transition.roles)
        if let sender = transition.senders.first { senders[event] = sender }
      case .any: roles[nil, default: []].formUnion(transition.roles)
      default: break
      }
    }
  }

  /// A caller with every role that is relevant to an event, and with a name if one is relevant.
  func caller(of event: EventIndex, _ program: Program, _ chance: inout SeededRandom) -> Caller {
    let meant = (roles[event] ?? []).union(roles[nil] ?? [])
    let held = program.roles.indices.filter { isCallerRead || meant.contains($0) }.map { program.roles[$0] }
    let sender = senders[event] ?? (program.events[event].isInternal ? emitters[event] : nil)
    let flow = sender.map { program.flows[$0].name }
    guard isCallerRead, case .string(let id) = value(of: .string, &chance) else {
      return Caller(roles: held, flow: flow)
    }
    return Caller(id: id, roles: held, flow: flow)
  }

  /// False for internal events that no flow emits: they are only raised.
  func isSent(_ event: EventIndex, _ program: Program) -> Bool {
    !program.events[event].isInternal || emitters[event] != nil
  }

  private mutating func note(_ tree: TypedExpression) {
    switch tree.constant {
    case .int(let number):
      for near in [number, number &+ 1, number &- 1] where !ints.contains(near) { ints.append(near) }
    case .double(let number):
      for near in [number, number.nextUp, number.nextDown] where !doubles.contains(near) { doubles.append(near) }
    case .string(let text): if !strings.contains(text) { strings.append(text) }
    default: break
    }
    if case .named(let definition) = tree.kind, !notedDefinitions.insert(ObjectIdentifier(definition)).inserted {
      return
    }
    for child in tree.children { note(child) }
  }

  /// A result of an action or a flow; null for one without a declared result.
  func result(of target: Call.Target, in machine: Machine, _ chance: inout SeededRandom) -> Value {
    guard let type = machine.result(of: target) else { return .null }
    return value(of: type, &chance).truncated(to: machine.resultMaximum(of: target))
  }

  func value(of type: ValueType, _ chance: inout SeededRandom, depth: Int = 0) -> Value {
    switch type {
    case .bool: return .bool(chance.below(2) == 0)
    case .int: return .int(chance.pick(ints))
    case .uint: return .uint(UInt64(chance.below(4)))
    case .double: return .double(chance.pick(doubles))
    case .string: return .string(chance.pick(strings))
    case .bytes: return .bytes([UInt8(chance.below(256))])
    case .timestamp: return .timestamp(Timestamp(milliseconds: TestRunner.start + Int64(chance.below(1 << 30))))
    case .duration: return .duration(Duration(nanoseconds: Int64(chance.below(7200)) * 1_000_000_000))
    case .list(let element):
      return .list((0..<(depth > 3 ? 0 : chance.below(3))).map { _ in value(of: element, &chance, depth: depth + 1) })
    case .map(let key, let element):
      guard depth <= 3, chance.below(2) == 0 else { return .map(MapValue([])) }
      let name = value(of: key, &chance, depth: depth + 1)
      return .map(MapValue([.init(name, value(of: element, &chance, depth: depth + 1))]))
    case .optional(let wrapped):
      return .optional(chance.below(2) == 0 ? nil : value(of: wrapped, &chance, depth: depth + 1))
    case .enumeration(let name):
      let values = types.enumeration(named: name)?.values ?? []
      return values.isEmpty ? .null : .enumeration(type: name, number: chance.pick(values.map(\.number)))
    case .record(let name): return record(name, &chance, depth: depth)
    default: return .null
    }
  }

  private func record(_ name: String, _ chance: inout SeededRandom, depth: Int) -> Value {
    let fields = types.record(named: name)?.fields ?? []
    var given: [RecordValue.Field] = []
    for field in fields {
      let drawn = value(of: field.type, &chance, depth: depth + 1)
      given.append(.init(field.name, drawn.truncated(to: field.maximum)))
    }
    return .record(RecordValue(typeName: name, fields: given))
  }
}
