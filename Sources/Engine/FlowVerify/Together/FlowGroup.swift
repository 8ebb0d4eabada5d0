import CEL
import FlowIR
import FlowMachine

/// Flows that are verified together: one instance of each, which all belong together.
///
/// An event that one of them emits reaches the others, and a call of one of them starts another. As in the engine,
/// emitted events, results of calls and starts follow a step before the next input.
struct FlowGroup {
  /// Something that follows a step.
  enum Pending: Hashable {
    /// A message for a member, both by number; one or more of the kind where it is repeated.
    case message(Int, to: Int, isRepeated: Bool)
    /// An event from outside that another member has received too.
    case event(EventIndex, to: Int)
  }

  /// The call that has started a member.
  struct Link: Hashable {
    var caller: Int
    var call: CallIndex
  }

  /// A situation of all members.
  struct Situation: Hashable {
    var states: [Int]
    var links: [Link?]
    var pending: [Pending]
  }

  /// An input of one member.
  struct Input: Hashable {
    var member: Int
    var input: AbstractInput
    /// True if nothing else can happen: the input follows the step before.
    var isConsequence: Bool
  }

  let members: [GroupMember]
  private let machine: Machine
  /// The members that another one calls.
  private let called: Set<Int>

  init(_ members: [GroupMember], _ stepper: Stepper) {
    self.members = members
    machine = stepper.machine
    var called: Set<Int> = []
    for member in members {
      for call in member.flow.calls where call.loop == nil {
        if case .flow(let flow) = call.target, let callee = members.firstIndex(where: { $0.index == flow }) {
          called.insert(callee)
        }
      }
    }
    self.called = called
  }

  var initial: Situation {
    Situation(
      states: members.map { _ in GroupMember.notStarted }, links: members.map { _ in nil }, pending: [])
  }

  private func callee(of call: CallIndex, _ caller: Int) -> Int? {
    let row = members[caller].flow.calls[call]
    guard case .flow(let flow) = row.target, row.loop == nil else { return nil }
    return members.firstIndex { $0.index == flow }
  }

  // MARK: - Inputs

  /// The inputs that a situation may get; one that follows the step before excludes all others.
  func inputs(of situation: Situation) -> [Input] {
    if let first = situation.pending.first { return inputs(of: first, situation) }
    if let result = resultOfCallee(situation) { return result }
    if let start = startOfCallee(situation) { return start }
    return members.indices.flatMap { outsideInputs(of: $0, situation) }
  }

  private func inputs(of pending: Pending, _ situation: Situation) -> [Input] {
    switch pending {
    case .event(let event, to: let member):
      let inputs = members[member].inputs(of: situation.states[member]).filter { isEvent($0, event, of: member) }
      return inputs.map { Input(member: member, input: $0, isConsequence: true) }
    case .message(let number, to: let member, isRepeated: _):
      let state = situation.states[member]
      if members[member].isRunning(state) {
        return [Input(member: member, input: .message(number, start: nil), isConsequence: true)]
      }
      let event = members[member].executor.messages[number].event
      return members[member].flow.starts.indices.filter { index in
        guard case .event(event, isAgain: let isAgain) = members[member].flow.starts[index].trigger else {
          return false
        }
        return state == GroupMember.notStarted || isAgain
      }.map { Input(member: member, input: .message(number, start: $0), isConsequence: true) }
    }
  }

  private func isEvent(_ input: AbstractInput, _ event: EventIndex, of member: Int) -> Bool {
    switch input {
    case .event(let other): other == event
    case .start(let start): members[member].flow.starts[start].event == event
    default: false
    }
  }

  /// The result of a called member that has ended.
  private func resultOfCallee(_ situation: Situation) -> [Input]? {
    for (callee, link) in situation.links.enumerated() {
      guard let link, !members[callee].isRunning(situation.states[callee]) else { continue }
      let isDone = members[callee].status(situation.states[callee]) == 1
      return [Input(member: link.caller, input: .result(link.call, isDone: isDone), isConsequence: true)]
    }
    return nil
  }

  /// The starts of a member that a call waits for. Of two ways to start, the first one whose guard holds is taken.
  private func startOfCallee(_ situation: Situation) -> [Input]? {
    for (caller, member) in members.enumerated() where member.isRunning(situation.states[caller]) {
      for call in member.flow.calls.indices where member.isCalling(call, in: situation.states[caller]) {
        guard let callee = callee(of: call, caller), isFree(callee, situation) else { continue }
        let starts = members[callee].flow.starts.indices.filter {
          members[callee].flow.starts[$0].trigger == .called
        }
        return starts.map { Input(member: callee, input: .start($0), isConsequence: true) }
          // A start may be refused, and the call then fails.
          + [Input(member: caller, input: .result(call, isDone: false), isConsequence: true)]
      }
    }
    return nil
  }

  private func isFree(_ callee: Int, _ situation: Situation) -> Bool {
    situation.links[callee] == nil && !members[callee].isRunning(situation.states[callee])
  }

  private func outsideInputs(of member: Int, _ situation: Situation) -> [Input] {
    let state = situation.states[member]
    // A flow whose runs have ended may start again, under another key or the same.
    let isIdle = !members[member].isRunning(state) && state != GroupMember.notStarted
    let inputs = members[member].inputs(of: isIdle ? GroupMember.notStarted : state)
    return inputs.filter { isOutside($0, of: member, situation, isIdle: isIdle) }
      .map { Input(member: member, input: $0, isConsequence: false) }
  }

  private func isOutside(
    _ input: AbstractInput, of member: Int, _ situation: Situation, isIdle: Bool
  ) -> Bool {
    switch input {
    case .start(let start):
      switch members[member].flow.starts[start].trigger {
      case .called: return !called.contains(member) && !isIdle
      case .event(_, isAgain: let isAgain): return !isIdle || isAgain
      case .every, .cron: return !isIdle
      }
    case .result(let call, _):
      guard let callee = callee(of: call, member) else { return true }
      return situation.links[callee] != Link(caller: member, call: call)
    default: return true
    }
  }

  // MARK: - Steps

  /// The situation after a step of a member.
  func next(
    _ situation: Situation, after input: Input, _ outcome: GroupMember.Outcome
  ) -> Situation {
    var next = situation
    if !situation.pending.isEmpty { next.pending.removeFirst() }
    if outcome.isRefused { return next }
    let member = input.member
    next.states[member] = outcome.target
    if case .start(let start) = input.input, members[member].flow.starts[start].trigger == .called {
      next.links[member] = waitingCall(for: member, situation)
    }
    if case .result(let call, _) = input.input, let callee = callee(of: call, member),
      next.links[callee] == Link(caller: member, call: call)
    {
      next.links[callee] = nil
    }
    let sent = outcome.emissions.flatMap { messages(of: $0, from: member) }
    next.pending += sent
    if case .event(let event) = input.input, !input.isConsequence {
      next.pending.insert(contentsOf: receivers(of: event, after: member), at: 0)
    }
    withdrawCallees(of: member, after: outcome, in: &next)
    return next
  }

  /// The call that waits for a member to start.
  private func waitingCall(for callee: Int, _ situation: Situation) -> Link? {
    for (caller, member) in members.enumerated() where member.isRunning(situation.states[caller]) {
      for call in member.flow.calls.indices
      where member.isCalling(call, in: situation.states[caller]) && self.callee(of: call, caller) == callee {
        return Link(caller: caller, call: call)
      }
    }
    return nil
  }

  private func messages(of emission: SentEvent, from sender: Int) -> [Pending] {
    members.indices.compactMap { receiver -> Pending? in
      let flow = members[receiver].index
      if let only = emission.flow {
        guard only == flow, receiver != sender else { return nil }
      } else {
        guard machine.handles(event: emission.event, flow: flow),
          machine.hasKey(of: flow, event: emission.event) || machine.starts(flow: flow, on: emission.event)
        else { return nil }
      }
      return .message(
        members[receiver].number(of: emission, from: members[sender]), to: receiver,
        isRepeated: emission.isRepeated)
    }
  }

  /// The other members that an event from outside may reach as well.
  private func receivers(of event: EventIndex, after member: Int) -> [Pending] {
    members.indices.filter { $0 > member }.compactMap { receiver -> Pending? in
      let flow = members[receiver].index
      guard machine.handles(event: event, flow: flow),
        machine.hasKey(of: flow, event: event) || machine.starts(flow: flow, on: event)
      else { return nil }
      return .event(event, to: receiver)
    }
  }

  /// Ends the members whose calls were withdrawn. Their `exit` statements have no effects that are followed.
  private func withdrawCallees(
    of caller: Int, after outcome: GroupMember.Outcome, in situation: inout Situation
  ) {
    for (callee, link) in situation.links.enumerated() {
      guard let link, link.caller == caller else { continue }
      let isRestarted = outcome.started & (1 << UInt64(link.call.position % 64)) != 0
      let isWaiting =
        members[caller].isRunning(outcome.target)
        && members[caller].isCalling(link.call, in: outcome.target)
      if isWaiting && !isRestarted { continue }
      situation.links[callee] = nil
      situation.states[callee] = GroupMember.notStarted
    }
  }
}
