public import CEL
public import FlowIR

// The members of events that are computed from their payloads.
extension Stepper {
  /// The computed members of a payload, in the order of the text.
  /// - Parameter payload: A record of the event's type.
  /// - Throws: `ComputedMemberError` for the first member that can't be computed.
  public func computedMembers(
    of event: EventIndex, _ payload: Value
  ) throws(ComputedMemberError) -> [RecordValue.Field] {
    let declaration = machine.program.events[event]
    guard !declaration.computed.isEmpty else { return [] }
    evaluator.reset()
    frame.clear()
    frame[FrameLayout.event] = evaluator.slot(payload, as: .record(declaration.name))
    var found: [RecordValue.Field] = []
    for (member, code) in zip(declaration.computed, machine.computedMembers[event]) {
      do throws(EvaluationError) {
        let slot = try evaluator.evaluate(code, frame: frame)
        found.append(.init(member.name, evaluator.value(slot, as: member.value.tree.type)))
      } catch {
        throw ComputedMemberError(member: member, message: error.message)
      }
    }
    return found
  }

  /// The refusal of an event with a member that can't be computed; nil for an event without such a member.
  func refusal(of event: EventIndex, _ payload: Value, by instance: Instance?) -> Refusal? {
    guard machine.program.events.indices.contains(event), !machine.program.events[event].computed.isEmpty else {
      return nil
    }
    do throws(ComputedMemberError) {
      _ = try computedMembers(of: event, payload)
      return nil
    } catch {
      return Refusal(
        reason: .failed(error.message, error.member.location), input: machine.program.events[event].name,
        states: instance.map { leafPaths(of: $0) } ?? [], accepted: instance.map { acceptedEvents(of: $0) } ?? [])
    }
  }

  /// The key that a payload has for a flow; nil for a payload without it.
  public func key(of flow: FlowIndex, in payload: Value) -> String? {
    guard case .record(let record) = payload else { return nil }
    let event = machine.event(named: record.typeName)
    let computed = event.flatMap { try? computedMembers(of: $0, payload) }
    return machine.key(of: flow, in: payload, computed: computed ?? [])
  }
}

extension Machine {
  /// The key that a payload has for a flow: the member with the name of the flow's key field; nil for a payload
  /// without it.
  /// - Parameter computed: The computed members of the payload.
  public func key(of flow: FlowIndex, in payload: Value, computed: [RecordValue.Field]) -> String? {
    guard let name = flows[flow].keyName, case .record(let record) = payload else { return nil }
    let value = record[name] ?? computed.first { $0.name == name }?.value
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
