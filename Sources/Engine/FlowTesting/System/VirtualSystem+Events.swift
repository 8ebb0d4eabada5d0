public import CEL
public import FlowIR
public import FlowMachine

// Events: from outside, and between the instances.
extension VirtualSystem {
  /// The flows that an event without an address reaches: those that it starts, or whose key it has.
  public func receivers(of event: EventIndex) -> [FlowIndex] {
    flows.filter {
      machine.handles(event: event, flow: $0)
        && (machine.hasKey(of: $0, event: event) || machine.starts(flow: $0, on: event))
    }
  }

  /// Sends an event from outside.
  /// - Parameter receiver: The addressed instance; nil for an event that reaches its receivers by its key.
  /// - Returns: False when the event reaches no instance and starts none.
  public mutating func send(event: EventIndex, payload: Value, caller: Caller, to receiver: Name? = nil) -> Bool {
    defer { settle() }
    if isIsolated { return sendToOnly(event, payload: payload, caller: caller) }
    if let receiver {
      return deliver(
        event, payload: payload, caller: caller, to: receiver.flow, key: receiver.key, origin: .event) != nil
    }
    let count = occurrences.count
    let found = receivers(of: event).compactMap {
      deliver(event, payload: payload, caller: caller, to: $0, key: nil, origin: .event)
    }
    if found.contains(where: \.isAccepted) {
      for index in occurrences.indices where index >= count {
        if case .refused = occurrences[index].outcome, occurrences[index].origin == .event {
          occurrences[index].isHarmless = true
        }
      }
    }
    return !found.isEmpty
  }

  /// Returns true if an event starts another run of an instance that has ended.
  func startsRun(_ name: Name, on event: EventIndex) -> Bool {
    members.position(of: name).map { startsAgain(name, at: $0, on: event) } ?? true
  }

  /// Sends an event to the only instance, or starts it.
  private mutating func sendToOnly(_ event: EventIndex, payload: Value, caller: Caller) -> Bool {
    if let name = names.first, !startsAgain(name, at: 0, on: event) {
      let received = ReceivedEvent(event: event, payload: payload, caller: caller, instance: members[0].instance)
      _ = step(received, of: name, .event)
      return true
    }
    let revision = names.first.map { members.revision(of: $0) } ?? 0
    let name = Name(flow: flows[0], key: stepper.key(of: flows[0], in: payload) ?? "1")
    let outcome = stepper.start(
      flow: name.flow, key: name.key, event: event, payload: payload, caller: caller, now: now, after: revision)
    if case .accepted(let step) = outcome {
      members = MemberTable()
      schedules = VirtualSchedules()
      add(name, step)
    }
    record(outcome, of: name, .event, cause: program.events[event].name)
    return true
  }

  /// Applies an event to the only instance in place, without an occurrence. Its consequences have not been applied:
  /// ``settle()`` does.
  /// - Parameters:
  ///   - literal: The payload.
  ///   - falseGuards: Receives the transitions that could react but whose guard is false.
  /// - Returns: Nil if nothing has happened: there is no running instance, it refuses the event, or the payload is no
  ///   literal.
  mutating func advance(
    event: EventIndex, literal: TypedExpression, caller: Caller, falseGuards: inout TransitionSet
  ) -> Step.Disposition? {
    guard isIsolated, let name = names.first, members[0].instance.status == .running,
      let disposition = try? stepper.advance(
        &members[0].instance, event: event, literal: literal, caller: caller, now: now, falseGuards: &falseGuards)
    else { return nil }
    if members[0].instance.status != .running { members[0].endedAt = now }
    for effect in stepper.effects { apply(effect, of: name) }
    return disposition
  }

  /// Returns true if an event starts another run after the end of the last one.
  private func startsAgain(_ name: Name, at position: Int, on event: EventIndex) -> Bool {
    guard members[position].instance.status != .running else { return false }
    return isKeyFree(name, members[position])
      ? machine.starts(flow: name.flow, on: event) : machine.startsAgain(flow: name.flow, on: event)
  }

  /// Delivers an event to one flow.
  /// - Returns: Nil when no instance receives it, and it starts none.
  private mutating func deliver(
    _ event: EventIndex, payload: Value, caller: Caller, to flow: FlowIndex, key addressed: String?,
    origin: Origin, sender: Name? = nil
  ) -> Outcome? {
    let key = addressed ?? stepper.key(of: flow, in: payload)
    let known = key.flatMap { key in
      let name = Name(flow: flow, key: key)
      return members.position(of: name).map { (name: name, position: $0) }
    }
    if let known, !startsAgain(known.name, at: known.position, on: event) {
      let received = ReceivedEvent(
        event: event, payload: payload, caller: caller, instance: members[known.position].instance)
      return step(received, of: known.name, origin, isHarmless: known.name == sender)
    }
    guard machine.starts(flow: flow, on: event) else { return nil }
    let name = Name(flow: flow, key: key ?? newKey(of: flow))
    // The engine's limits of a key.
    guard (1...VirtualSystem.maximumKey).contains(name.key.utf8.count) else { return nil }
    let outcome = stepper.start(
      flow: flow, key: name.key, event: event, payload: payload, caller: caller, now: now,
      after: known.map { members[$0.position].instance.revision } ?? 0)
    if case .accepted(let step) = outcome { add(name, step) }
    record(outcome, of: name, origin, cause: program.events[event].name)
    return outcome
  }

  private mutating func step(
    _ received: ReceivedEvent, of name: Name, _ origin: Origin, isHarmless: Bool = false
  ) -> Outcome {
    let input = Input.event(received.event, payload: received.payload, caller: received.caller)
    let outcome = stepper.step(received.instance, input, now: now)
    record(
      outcome, of: name, origin, cause: program.events[received.event].name, isHarmless: isHarmless,
      received: received)
    return outcome
  }

  /// The maximum length of a key in bytes.
  static let maximumKey = 512

  /// Delivers an emitted event to the flows that it starts or whose key it has. An instance may refuse its own event.
  mutating func deliver(_ emission: Emission) {
    let flow = program.flows[emission.sender.flow].name
    let caller = Caller(id: "\(flow)/\(emission.sender.key)", flow: flow)
    if let receiver = emission.flow { return broadcast(emission, to: receiver, caller: caller) }
    for receiver in receivers(of: emission.event) {
      _ = deliver(
        emission.event, payload: emission.payload, caller: caller, to: receiver, key: nil, origin: .emission,
        sender: emission.sender)
    }
  }
}

extension VirtualSystem {
  /// Delivers an event to all running instances of a flow.
  private mutating func broadcast(_ emission: Emission, to flow: FlowIndex, caller: Caller) {
    for name in names(of: flow) where members.isRunning(name) {
      _ = deliver(
        emission.event, payload: emission.payload, caller: caller, to: flow, key: name.key, origin: .emission,
        sender: emission.sender)
    }
  }
}

extension Outcome {
  /// True for a step, false for a refusal.
  var isAccepted: Bool { if case .accepted = self { true } else { false } }
}
