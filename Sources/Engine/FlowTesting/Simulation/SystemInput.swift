public import CEL
public import FlowIR
import FlowJSON
public import FlowMachine
import FlowTime

/// One input of instances that run together.
public enum SystemInput: Hashable, Sendable {
  public typealias Name = VirtualSystem.Name

  /// `receiver`: the addressed instance; nil for an event that reaches its receivers by its key.
  case send(event: EventIndex, payload: Value, caller: Caller, receiver: Name?)
  /// The arguments are a record.
  case start(FlowIndex, Value)
  /// Ends the oldest call of an action by an instance.
  case end(Call.Target, owner: Name, CallOutcome)
  /// Milliseconds.
  case advance(Int64)

  /// The input as a line of a `test`.
  func testLine(in system: VirtualSystem) -> String {
    let machine = system.machine
    switch self {
    case .send(let event, let payload, let caller, let receiver):
      let line = RunInput.send(event: event, payload: payload, caller: caller).testLine(in: machine, flow: 0)
      guard let receiver else { return line }
      let value = "send \(payload.source(in: machine.types))"
      return value + " to \(system.text(of: receiver))" + line.dropFirst(value.count)
    case .start(let flow, let arguments): return RunInput.start(arguments).testLine(in: machine, flow: flow)
    case .end(let target, let owner, let outcome):
      let line = RunInput.end(target, outcome).testLine(in: machine, flow: owner.flow)
      let words = outcome.isFailure ? "fail" : "complete"
      let head = "\(words) \(machine.name(of: target))"
      return head + " of \(system.text(of: owner))" + line.dropFirst(head.count)
    case .advance(let milliseconds): return "advance \(DurationText.text(milliseconds))"
    }
  }
}

extension CallOutcome {
  fileprivate var isFailure: Bool { if case .failed = self { true } else { false } }
}

extension VirtualSystem {
  /// Applies an input.
  /// - Returns: False for one without an effect: an event that reaches no instance, or the end of a call that does not
  ///   exist.
  public mutating func make(_ input: SystemInput) -> Bool {
    switch input {
    case .send(let event, let payload, let caller, let receiver):
      if let receiver {
        guard self[receiver] != nil else { return false }
        let key = stepper.key(of: receiver.flow, in: payload)
        guard key == nil || key == receiver.key else { return false }
      }
      return send(event: event, payload: payload, caller: caller, to: receiver)
    case .start(let flow, let arguments):
      let key = argumentKey(of: flow, arguments)
      if let key, problem(ofKey: Name(flow: flow, key: key)) != nil { return false }
      return start(flow, arguments: arguments).isAccepted
    case .end(let target, let owner, let outcome):
      guard let item = work.first(where: { $0.isOpen && $0.owner == owner && $0.job.target == target }) else {
        return false
      }
      return end(call: item.id, outcome)
    case .advance(let wait):
      let end = now.addingClamped(wait)
      while fireNext(upTo: end) {}
      moveClock(to: end)
      return true
    }
  }
}
