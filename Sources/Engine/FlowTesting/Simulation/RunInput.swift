public import CEL
public import FlowIR
import FlowJSON
public import FlowMachine
import FlowTime

/// One input of an instance on a virtual clock.
public enum RunInput: Hashable, Sendable {
  case send(event: EventIndex, payload: Value, caller: Caller)
  /// The arguments are a record.
  case start(Value)
  case end(Call.Target, CallOutcome)
  /// Milliseconds.
  case advance(Int64)
}

// The text forms of inputs.
extension RunInput {
  /// The input as a line of a `test`.
  public func testLine(in machine: Machine, flow: FlowIndex) -> String {
    let types = machine.types
    switch self {
    case .send(_, let payload, let caller): return "send \(payload.source(in: types))\(suffix(caller))"
    case .start(let arguments):
      guard case .record(let record) = arguments else { return "" }
      let given = record.fields.map { "\($0.name): \($0.value.source(in: types))" }
      return "start \(machine.program.flows[flow].name)(\(given.joined(separator: ", ")))"
    case .end(let target, .done(let value)):
      let hasResult = value != .null && machine.result(of: target) != nil
      return "complete \(machine.name(of: target))" + (hasResult ? " with \(value.source(in: types))" : "")
    case .end(let target, .failed(let code, _, _)):
      return "fail \(machine.name(of: target)) \(JSON.string(code).text())"
    case .advance(let milliseconds): return "advance \(DurationText.text(milliseconds))"
    }
  }

  /// The input as a command of the REPL.
  public func sessionLine(in machine: Machine) -> String {
    let types = machine.types
    switch self {
    case .send(_, let payload, let caller): return "-> \(payload.source(in: types))\(suffix(caller))"
    case .start(let arguments): return ":start \(arguments.json(in: types).text())"
    case .end(let target, .done(let value)):
      let hasResult = value != .null && machine.result(of: target) != nil
      return ":complete \(machine.name(of: target))" + (hasResult ? " \(value.source(in: types))" : "")
    case .end(let target, .failed(let code, _, _)): return ":fail \(machine.name(of: target)) \(code)"
    case .advance(let milliseconds): return ":advance \(DurationText.text(milliseconds))"
    }
  }

  private func suffix(_ caller: Caller) -> String {
    (caller.roles.isEmpty ? "" : " by " + caller.roles.joined(separator: ", "))
      + (caller.flow.map { " from \($0)" } ?? "")
      + (caller.id.isEmpty ? "" : " as \(JSON.string(caller.id).text())")
  }
}

extension RunInput {
  /// The input for another version of the program; nil when a name does not exist or a value does not fit.
  public func carried(from old: Machine, to new: Machine, flow: FlowIndex) -> RunInput? {
    switch self {
    case .send(let event, let payload, let caller):
      let name = old.program.events[event].name
      guard let event = new.event(named: name), let payload = fitting(payload, type: .record(name), old: old, new: new)
      else { return nil }
      return .send(event: event, payload: payload, caller: caller)
    case .start(let arguments):
      let type = ValueType.record(new.program.flows[flow].parameters.name)
      return fitting(arguments, type: type, old: old, new: new).map { .start($0) }
    case .end(let target, let outcome):
      guard let target = new.target(named: old.name(of: target), flow: flow) else { return nil }
      guard case .done(let value) = outcome else { return .end(target, outcome) }
      return fitting(value, type: new.result(of: target) ?? .dyn, old: old, new: new)
        .map { .end(target, .done($0.truncated(to: new.resultMaximum(of: target)))) }
    case .advance: return self
    }
  }

  private func fitting(_ value: Value, type: ValueType, old: Machine, new: Machine) -> Value? {
    try? Value.from(value.json(in: old.types), as: type, in: new.types).get()
  }
}

extension Machine {
  /// The action, or the callable flow, of that name; or the target of the call of that name.
  public func target(named name: String, flow: FlowIndex) -> Call.Target? {
    if let call = program.flows[flow].calls.first(where: { $0.name == name }) { return call.target }
    if let action = program.actions.firstIndex(where: { $0.name == name }) { return .action(action) }
    return program.flows.firstIndex { $0.name == name && $0.isCallable }.map { .flow($0) }
  }
}
