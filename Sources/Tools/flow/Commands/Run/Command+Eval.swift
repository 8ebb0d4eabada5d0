import CEL
import FlowDiagnostics
import FlowJSON
import FlowSource

extension Command {
  static let eval = Command(
    name: "eval", group: .run, summary: "Evaluate a CEL expression over JSON data.", operands: "EXPRESSION",
    options: [EvalOptions.data, EvalOptions.type, EvalOptions.explain, EvalOptions.format],
    example: #"flow eval 'items.all(i, i.qty > 0)' --data order.json --explain"#,
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else {
        throw UsageError("`flow eval` requires one expression", help: "quote it for the shell")
      }
      let evaluation = Evaluation(arguments.operands[0], data: try EvalOptions.members(arguments))
      return evaluation.run(
        showsType: arguments[EvalOptions.type], explains: arguments[EvalOptions.explain],
        isJSON: arguments[EvalOptions.format] == .json)
    })
}

/// The options of `flow eval`.
private enum EvalOptions {
  static let data = Option.text(
    "data", "FILE", help: "JSON object whose members are the variables; `-` is standard input", completion: .files)
  static let type = Option.flag("type", help: "print the type of the value")
  static let explain = Option.flag("explain", help: "print the value of each subexpression")
  static let format = Option.choice("format", short: "f", default: TextFormat.text, help: "output format")

  /// The members of the data file.
  static func members(_ arguments: CommandArguments) throws(UsageError) -> [JSON.Member] {
    guard let path = arguments[data] else { return [] }
    guard let text = readFile(path) else { throw UsageError("cannot read `\(path)`") }
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: text)
    } catch {
      throw UsageError("`\(path)`, byte \(error.offset + 1): \(error.message)")
    }
    guard let members = json.members else { throw UsageError("`\(path)` is not a JSON object") }
    return members
  }
}

/// An expression and the JSON members that are its variables.
private struct Evaluation {
  let text: String
  let data: [JSON.Member]
  private var environment = Environment()

  init(_ text: String, data: [JSON.Member]) {
    self.text = text
    self.data = data
    for (index, member) in data.enumerated() {
      environment.declare(variable: member.name, type: Evaluation.type(of: member.value), slot: index)
    }
  }

  /// The static type of a variable; elements of lists and objects are dynamic.
  private static func type(of json: JSON) -> ValueType {
    switch json {
    case .null: .dyn
    case .bool: .bool
    case .int: .int
    case .uint: .uint
    case .double: .double
    case .string: .string
    case .array: .list(.dyn)
    case .object: .map(.string, .dyn)
    }
  }

  func run(showsType: Bool, explains: Bool, isJSON: Bool) -> Int32 {
    var sources = SourceSet()
    sources.add(name: "<expression>", text: Array(text.utf8))
    let (expression, problems) = parse(text)
    let checked = problems.hasErrors ? nil : environment.check(expression)
    guard let tree = checked?.expression, let program = try? ExpressionProgram(tree, types: environment.types) else {
      let renderer = PrettyRenderer(sources: sources, style: Terminal.errorStyle)
      Terminal.errorOutput(renderer.render(problems + (checked?.diagnostics ?? [])) + "\n")
      return ExitCode.findings
    }
    let evaluator = Evaluator(types: environment.types)
    let frame = Frame(count: data.count)
    for (index, member) in data.enumerated() {
      let type = Evaluation.type(of: member.value)
      guard case .success(let value) = Value.from(member.value, as: type, in: environment.types) else { continue }
      frame[index] = evaluator.slot(value, as: type)
    }
    let explanation = explains ? evaluator.explain(program, frame: frame) : nil
    do throws(EvaluationError) {
      let value = evaluator.value(try evaluator.evaluate(program, frame: frame), as: tree.type)
      show(value, type: tree.type, explanation: explanation, showsType: showsType, isJSON: isJSON)
      return ExitCode.success
    } catch {
      if let explanation { Terminal.errorOutput(explanation.text(source: text, types: environment.types) + "\n") }
      Terminal.error(error.message)
      return ExitCode.findings
    }
  }

  private func show(
    _ value: Value, type: ValueType, explanation: Explanation?, showsType: Bool, isJSON: Bool
  ) {
    let types = environment.types
    if isJSON {
      var members: [JSON.Member] = [.init("value", value.json(in: types)), .init("type", .string("\(type)"))]
      if let explanation { members.append(.init("explanation", explanation.json(in: types))) }
      Terminal.output(JSON.object(members).text(.indented) + "\n")
      return
    }
    if let explanation { Terminal.output(explanation.text(source: text, types: types) + "\n") }
    Terminal.output(value.json(in: types).text() + (showsType ? " : \(type)" : "") + "\n")
  }
}
