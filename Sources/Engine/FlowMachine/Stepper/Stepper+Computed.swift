public import CEL
public import FlowIR

// The members of events that are computed from their payloads.
extension Stepper {
  /// The computed members of a payload, in the order of the text.
  /// - Parameter payload: A record of the event's type.
  public func computedMembers(
    of event: EventIndex, _ payload: Value
  ) -> Result<[RecordValue.Field], ComputedMemberError> {
    let declaration = machine.program.events[event]
    guard !declaration.computed.isEmpty else { return .success([]) }
    evaluator.reset()
    frame.clear()
    frame[FrameLayout.event] = evaluator.slot(payload, as: .record(declaration.name))
    var found: [RecordValue.Field] = []
    for member in declaration.computed {
      do {
        let code = try ExpressionProgram(member.value.tree, types: machine.types)
        let slot = try evaluator.evaluate(code, frame: frame)
        found.append(.init(member.name, evaluator.value(slot, as: member.value.tree.type)))
      } catch let error as EvaluationError {
        return .failure(ComputedMemberError(member: member, message: error.message))
      } catch {
        return .failure(ComputedMemberError(member: member, message: "it can't be computed"))
      }
    }
    return .success(found)
  }

  /// The refusal of an event with a member that can't be computed; nil for an event without such a member.
  func refusal(of event: EventIndex, _ payload: Value, by instance: Instance?) -> Refusal? {
    guard machine.program.events.indices.contains(event), !machine.program.events[event].computed.isEmpty,
      case .failure(let error) = computedMembers(of: event, payload)
    else { return nil }
    return Refusal(
      reason: .failed(error.message, error.member.location), input: machine.program.events[event].name,
      states: instance.map { leafPaths(of: $0) } ?? [], accepted: instance.map { acceptedEvents(of: $0) } ?? [])
  }
}

extension Machine {
  /// The value of a computed member of a payload; nil for an event without it, or if it can't be computed.
  public func computedMember(_ name: String, of event: EventIndex, _ payload: Value) -> Value? {
    guard program.events[event].computed.contains(where: { $0.name == name }),
      case .success(let members) = Stepper(self).computedMembers(of: event, payload)
    else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// The key that a payload has for a flow: the member with the name of the flow's key field; nil for a payload
  /// without it.
  public func key(of flow: FlowIndex, in payload: Value) -> String? {
    let node = program.flows[flow]
    guard let field = node.key, case .record(let record) = payload else { return nil }
    let name = node.fields[field].name
    var value = record[name]
    if value == nil, let event = event(named: record.typeName) { value = computedMember(name, of: event, payload) }
    guard case .string(let text)? = value else { return nil }
    return text
  }

  /// Returns true if an event has the key of a flow, as a field or as a computed member.
  public func hasKey(of flow: FlowIndex, event: EventIndex) -> Bool {
    let node = program.flows[flow]
    guard let field = node.key else { return false }
    return keyField(of: event, flow: flow) != nil
      || program.events[event].computed.contains {
        $0.name == node.fields[field].name && $0.value.tree.type == node.fields[field].type
      }
  }
}

/// The reason why a member of an event can't be computed.
public struct ComputedMemberError: Error, Sendable {
  public var member: ComputedMember
  public var message: String
}
