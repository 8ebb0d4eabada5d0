import CEL
import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource
import FlowTesting

/// The error in a line, as text.
struct InputProblem: Error { var message: String }

/// A parsed event.
struct TypedEvent {
  var index: EventIndex
  var payload: Value
  var caller: Caller
}

// The parsing of events and values.
extension Session {
  /// `Paid{amount: 4.0} as support`, `Paid {"amount": 4.0}`, `Paid`.
  func event(in text: String, _ run: VirtualRun) -> Result<TypedEvent, InputProblem> {
    let (body, caller) = splitCaller(text)
    let name = String(body.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    guard let index = run.stepper.machine.event(named: name) else {
      let names = run.program.events.map(\.name)
      let guess = Suggestion.closest(to: name, among: names).first.map { ", did you mean `\($0)`?" }
      return .failure(
        InputProblem(message: "there is no event `\(name)`" + (guess ?? "; there are \(names.joined(separator: ", "))"))
      )
    }
    let rest = String(body.dropFirst(name.count)).trimmed
    let literal = rest.isEmpty ? "{}" : rest
    return value(literal, as: .record(name), run, prefix: name).map {
      TypedEvent(index: index, payload: $0, caller: caller)
    }
  }

  /// The text before `by ROLES as "ID"`, and the caller. A role after `as` is used as the caller's name and role.
  private func splitCaller(_ text: String) -> (String, Caller) {
    var caller = Caller()
    var body = text
    func tail(_ word: String) -> String? {
      guard let range = body.lastRange(of: " \(word) ") else { return nil }
      let rest = String(body[range.upperBound...]).trimmed
      guard !rest.contains("}") || rest.hasPrefix("\"") else { return nil }
      body = String(body[..<range.lowerBound]).trimmed
      return rest
    }
    if let name = tail("as") {
      if let id = (try? JSON(parsing: name))?.string {
        caller.id = id
      } else {
        caller.roles = name.split { $0 == " " || $0 == "," }.map(String.init)
        caller.id = caller.roles.first ?? ""
      }
    }
    caller.flow = tail("from")
    if let roles = tail("by") { caller.roles += roles.split { $0 == " " || $0 == "," }.map(String.init) }
    return (body, caller)
  }

  /// A value written as JSON, or as CEL; `prefix` is the name of the record when it is omitted.
  func value(
    _ text: String, as type: ValueType, _ run: VirtualRun, prefix: String = ""
  ) -> Result<Value, InputProblem> {
    if let json = try? JSON(parsing: text) {
      return Value.from(json, as: type, in: run.stepper.machine.types).mapError { InputProblem(message: $0.text) }
    }
    let compiled = compileExpression(prefix + text)
    guard let expression = compiled.expression else {
      let renderer = PrettyRenderer(sources: compiled.sources, style: style)
      return .failure(InputProblem(message: compiled.diagnostics.map { renderer.render($0) }.joined(separator: "\n")))
    }
    guard expression.tree.type == type || type == .dyn else {
      return .failure(InputProblem(message: "expected `\(type)`, this is `\(expression.tree.type)`"))
    }
    return run.stepper.evaluate(expression, over: run.instance, now: run.now).mapError {
      InputProblem(message: $0.message)
    }
  }
}

extension String {
  /// The range of the last occurrence of `other`; nil for none.
  func lastRange(of other: String) -> Range<String.Index>? {
    var start = endIndex
    while start > startIndex {
      start = index(before: start)
      if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
    }
    return nil
  }
}
