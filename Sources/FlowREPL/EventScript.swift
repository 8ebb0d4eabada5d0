import CEL
public import FlowIR
public import FlowMachine
public import FlowSource
import FlowTesting

/// Runs one instance from lines of JSON: `{"event": "Paid", "data": {…}}`, `{"advance": "3d"}`,
/// `{"complete": "ship", "result": {…}}`, `{"fail": "ship", "code": "NO_STOCK"}`.
public struct EventScript {
  /// Why a script stopped.
  public struct Problem: Error {
    public var message: String
    public var help: String?
    /// Whether the script is wrong, and not the flow's answer to it.
    public var isInput: Bool
  }

  let style: TerminalStyle
  let start: Int64

  public init(style: TerminalStyle, start: Int64) {
    self.style = style
    self.start = start
  }

  /// Runs the lines and reports each step.
  /// - Returns: How the instance stands at the end; nil when none began.
  /// - Throws: `Problem` at the first line that is wrong or refused.
  public func run(
    _ program: FlowIR.Program, flow name: String?, lines: [UInt8], report: (String) -> Void
  ) throws(Problem) -> Instance.Status? {
    let machine: Machine
    do throws(ProgramError) {
      machine = try Machine(program)
    } catch {
      throw Problem(message: error.message, isInput: true)
    }
    guard !program.flows.isEmpty, let flow = name.map({ machine.flow(named: $0) }) ?? 0 else {
      throw Problem(message: name.map { "there is no flow `\($0)`" } ?? "the file has no flow", isInput: true)
    }
    var run = VirtualRun(stepper: Stepper(machine), flow: flow, now: start)
    let text = StepText(machine: machine, style: style)
    for (index, line) in lines.split(separator: 0x0A).enumerated() where !line.allSatisfy({ $0 <= 0x20 }) {
      for happening in try perform(Array(line), number: index + 1, &run) {
        report(text.describe(happening, start: start))
        if case .refused(let refusal) = happening.outcome {
          throw Problem(message: "line \(index + 1): \(refusal.message)", isInput: false)
        }
      }
    }
    return run.instance?.status
  }

  private func perform(
    _ line: [UInt8], number: Int, _ run: inout VirtualRun
  ) throws(Problem) -> [VirtualRun.Happening] {
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: line)
    } catch {
      throw Problem(message: "line \(number), byte \(error.offset + 1): \(error.message)", isInput: true)
    }
    if let name = json["event"]?.string { return [try send(name, json, number, &run)] }
    if let wait = json["advance"]?.string.flatMap(LengthOfTime.milliseconds) {
      return run.advance(to: run.now + min(wait, Int64.max / 4))
    }
    if let name = json["complete"]?.string { return [try end(name, json, number, isFailure: false, &run)] }
    if let name = json["fail"]?.string { return [try end(name, json, number, isFailure: true, &run)] }
    throw Problem(
      message: "line \(number) says nothing to do",
      help: #"write {"event": "Name", "data": {…}} or {"advance": "3d"}"#,
      isInput: true)
  }

  private func send(
    _ name: String, _ json: JSON, _ number: Int, _ run: inout VirtualRun
  ) throws(Problem) -> VirtualRun.Happening {
    guard let event = run.stepper.machine.event(named: name) else {
      let guess = Suggestion.closest(to: name, among: run.program.events.map(\.name)).first
      throw Problem(
        message: "line \(number): there is no event `\(name)`", help: guess.map { "did you mean `\($0)`?" },
        isInput: true)
    }
    let payload = try value(json["data"] ?? .object([]), as: .record(name), number, run)
    let roles = json["roles"]?.array?.compactMap(\.string) ?? []
    return run.send(event: event, payload: payload, caller: Caller(id: json["caller"]?.string ?? "", roles: roles))
  }

  private func end(
    _ name: String, _ json: JSON, _ number: Int, isFailure: Bool, _ run: inout VirtualRun
  ) throws(Problem) -> VirtualRun.Happening {
    guard let action = run.program.actions.firstIndex(where: { $0.name == name }) else {
      throw Problem(message: "line \(number): there is no action `\(name)`", isInput: true)
    }
    let outcome: CallOutcome
    if isFailure {
      outcome = .failed(
        code: json["code"]?.string ?? "FAILED", message: json["message"]?.string ?? "", attempts: 1)
    } else {
      let type = run.program.actions[action].result ?? .dyn
      outcome = .done(try value(json["result"] ?? .null, as: type, number, run))
    }
    guard let happening = run.end(action: action, outcome) else {
      throw Problem(message: "line \(number): no call of `\(name)` waits", isInput: false)
    }
    return happening
  }

  private func value(
    _ json: JSON, as type: ValueType, _ number: Int, _ run: VirtualRun
  ) throws(Problem) -> Value {
    switch Value.from(json, as: type, in: run.stepper.machine.types) {
    case .success(let value): return value
    case .failure(let problems):
      let list = problems.mismatches.map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" }
      throw Problem(message: "line \(number): \(list.joined(separator: "; "))", isInput: true)
    }
  }
}
