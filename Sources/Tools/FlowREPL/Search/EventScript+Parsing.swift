import CEL
import FlowIR
public import FlowJSON
import FlowMachine
import FlowSource
public import FlowTesting
import FlowTime

// The parsing of script lines.
extension EventScript {
  /// Reads one line.
  /// - Parameter number: The number of the line, for messages.
  /// - Throws: `Problem` when the line is invalid for this flow.
  public func move(_ line: [UInt8], number: Int) throws(Problem) -> RunInput {
    let location = "line \(number)"
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: line)
    } catch {
      throw Problem("\(location), byte \(error.offset + 1): \(error.message)")
    }
    let operation = try ScriptLine(json, location: location)
    switch operation {
    case .event(let event): return try self.event(event, location: location)
    case .advance(let text):
      guard let wait = DurationText.milliseconds(text) else {
        throw Problem("\(location): `\(text)` is not a duration", help: #"write {"advance": "3d"}"#)
      }
      return .advance(wait)
    case .start(let arguments): return try start(arguments, in: location)
    case .complete(let name):
      let target = try EventScript.target(named: name, machine, run.flow, in: location)
      return .end(target, try EventScript.outcome(json, of: target, machine, in: location))
    case .fail(let name):
      let target = try EventScript.target(named: name, machine, run.flow, in: location)
      return .end(target, EventScript.failure(code: json["code"], message: json["message"]))
    }
  }

  /// Calls the flow with the arguments in a document.
  ///
  /// - Throws: `Problem` when the flow is not callable, or the arguments do not fit its parameters.
  public func start(_ arguments: JSON, in location: String) throws(Problem) -> RunInput {
    let flow = run.program.flows[run.flow]
    guard flow.isCallable else {
      let events = flow.starts.compactMap(\.event).map { run.program.events[$0].name }
      throw Problem(
        "\(location): `\(flow.name)` takes no arguments", help: "it starts on \(events.joined(separator: ", "))")
    }
    return .start(try EventScript.value(arguments, as: .record(flow.parameters.name), machine, in: location))
  }

  private func event(_ line: ScriptLine.Event, location: String) throws(Problem) -> RunInput {
    let name = line.name
    guard let event = machine.event(named: name) else {
      let guess = Suggestion.closest(to: name, among: run.program.events.map(\.name)).first
      throw Problem("\(location): there is no event `\(name)`", help: guess.map { "did you mean `\($0)`?" })
    }
    let payload = try EventScript.value(line.data, as: .record(name), machine, in: location)
    return .send(
      event: event, payload: payload, caller: Caller(id: line.caller, roles: line.roles, flow: line.sender))
  }

  /// The action or callable flow of that name, or the target of the call of that name.
  static func target(
    named name: String, _ machine: Machine, _ flow: FlowIndex, in location: String
  ) throws(Problem) -> Call.Target {
    if let target = machine.target(named: name, flow: flow) { return target }
    let guess = Suggestion.closest(to: name, among: machine.program.actions.map(\.name)).first
    throw Problem("\(location): there is no action `\(name)`", help: guess.map { "did you mean `\($0)`?" })
  }

  /// `{"result": …}`, or `{"fail": "CODE", "message": "…"}`.
  static func outcome(
    _ json: JSON, of target: Call.Target, _ machine: Machine, in location: String
  ) throws(Problem) -> CallOutcome {
    if let code = json["fail"] { return failure(code: code, message: json["message"]) }
    return .done(
      try value(
        json["result"] ?? .null, as: machine.result(of: target) ?? .dyn, machine, in: location,
        maximum: machine.resultMaximum(of: target)))
  }

  private static func failure(code: JSON?, message: JSON?) -> CallOutcome {
    .failed(code: code?.string ?? "FAILED", message: message?.string ?? "", attempts: 1)
  }

  private static func value(
    _ json: JSON, as type: ValueType, _ machine: Machine, in location: String, maximum: Int? = nil
  ) throws(Problem) -> Value {
    switch Value.from(json, as: type, in: machine.types, maximum: maximum) {
    case .success(let value): return value
    case .failure(let problems):
      let list = problems.mismatches.map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" }
      throw Problem("\(location): \(list.joined(separator: "; "))")
    }
  }
}
