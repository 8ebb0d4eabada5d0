import CEL
import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource
import FlowTesting

// Expressions and named expressions.
extension Session {
  /// Compiles an expression over the current instance and the defined names.
  func compileExpression(_ text: String) -> ExpressionCompilation {
    let lets = definitions(of: lets) ?? []
    guard let run else { return FlowCompiler.compileExpression(text, in: Program(), flow: nil, lets: lets) }
    return FlowCompiler.compileExpression(text, in: run.program, flow: run.flow, lets: lets)
  }

  func problem(_ compiled: ExpressionCompilation) -> Reply {
    let renderer = PrettyRenderer(sources: compiled.sources, style: style)
    return Reply(text: compiled.diagnostics.map { renderer.render($0) }.joined(separator: "\n"), isError: true)
  }

  func evaluate(_ text: String) -> Reply {
    let compiled = compileExpression(text)
    guard let expression = compiled.expression else { return problem(compiled) }
    // Expressions that do not read an instance can be evaluated without one.
    guard run?.instance != nil || expression.tree.usedSlots.isSubset(of: [FrameLayout.now]) else {
      return failure("no instance has started")
    }
    guard let stepper = run?.stepper ?? (try? Machine(Program())).map({ Stepper($0) }) else { return notLoaded }
    switch stepper.evaluate(expression, over: run?.instance, now: run?.now ?? start) {
    case .success(let value):
      let json = value.json(in: stepper.machine.types)
      return Reply(
        text: "\(json.text()) : \(expression.tree.type)",
        result: ["value": json, "type": .string("\(expression.tree.type)")])
    case .failure(let error): return failure(error.message)
    }
  }

  func showType(_ text: String) -> Reply {
    let compiled = compileExpression(text)
    guard let expression = compiled.expression else { return problem(compiled) }
    let type = "\(expression.tree.type)"
    return Reply(text: type, result: ["type": .string(type)])
  }

  // MARK: - Names

  /// `NAME = EXPRESSION`
  mutating func define(_ text: String) -> Reply {
    let name = String(text.prefix { $0 == "_" || $0.isLetter || $0.isNumber })
    let rest = String(text.dropFirst(name.count)).trimmed
    guard let first = name.first, !first.isNumber, rest.hasPrefix("="), !rest.hasPrefix("==") else {
      return failure("write `let NAME = EXPRESSION`")
    }
    var others = lets.filter { $0.name != name }
    if isTaken(name) { return failure("`\(name)` is a name of the flow already") }
    let body = String(rest.dropFirst()).trimmed
    let before = lets
    lets = others
    let compiled = compileExpression(body)
    lets = before
    guard let expression = compiled.expression else { return problem(compiled) }
    let location = lets.firstIndex { $0.name == name } ?? others.count
    others.insert((name, body), at: location)
    guard definitions(of: others) != nil else { return failure("other names would no longer mean anything") }
    lets = others
    return Reply(text: "\(name) : \(expression.tree.type)")
  }

  /// The definitions of the names, each of which may use the preceding ones; nil when one is invalid.
  func definitions(of lets: [(name: String, text: String)]) -> [LetDefinition]? {
    var found: [LetDefinition] = []
    for (name, text) in lets {
      let compiled = FlowCompiler.compileExpression(
        text, in: run?.program ?? Program(), flow: run?.flow, lets: found)
      guard let expression = compiled.expression else { return nil }
      found.append(LetDefinition(name: name, value: expression))
    }
    return found
  }

  /// Returns true if the name is declared by the current flow.
  private func isTaken(_ name: String) -> Bool {
    guard let run else { return false }
    return FlowCompiler.compileExpression(name, in: run.program, flow: run.flow).expression != nil
  }

  /// Removes the names that are invalid under another program.
  mutating func keepNames() {
    var kept: [(name: String, text: String)] = []
    for one in lets where !isTaken(one.name) && definitions(of: kept + [one]) != nil { kept.append(one) }
    lets = kept
  }

  func showLets() -> Reply {
    let lines = lets.map { "let \($0.name) = \($0.text)" }
    return Reply(text: lines.isEmpty ? "no names were given" : lines.joined(separator: "\n"))
  }

  mutating func forget(_ name: String) -> Reply {
    let others = lets.filter { $0.name != name }
    guard others.count < lets.count else { return failure("`\(name)` was not given with `let`") }
    guard definitions(of: others) != nil else { return failure("another name needs `\(name)`") }
    lets = others
    return Reply(text: "")
  }
}
