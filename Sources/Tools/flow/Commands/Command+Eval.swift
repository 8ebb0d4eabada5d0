import CEL
import FlowDiagnostics
import FlowJSON
import FlowSource

extension Command {
  static let eval = Command(
    name: "eval", summary: "Evaluate a CEL expression over JSON data.", operands: "EXPRESSION",
    options: [
      Option(name: "data", value: "FILE", help: "a JSON object whose members are the variables; `-` is standard input"),
      Option(name: "type", value: nil, help: "print the type as well"),
      Option(name: "explain", value: nil, help: "print the value of each part"),
      Option(name: "format", value: "text|json", help: "how to print; text by default"),
    ],
    example: #"flow eval 'items.all(i, i.qty > 0)' --data order.json --explain"#,
    action: { arguments in
      guard arguments.operands.count == 1 else {
        Terminal.complain("`flow eval` takes one expression", help: "quote it for the shell")
        return ExitCode.usage
      }
      guard let data = readData(arguments.value("data")) else { return ExitCode.usage }
      guard let format = arguments.choice("format", of: ["text", "json"]) else { return ExitCode.usage }
      let evaluation = Evaluation(arguments.operands[0], over: data)
      return evaluation.run(
        showsType: arguments.has("type"), explains: arguments.has("explain"), asJSON: format == "json")
    })
}

/// The members of the data, or nothing when it can't be read, which has been said then.
private func readData(_ path: String?) -> [JSON.Member]? {
  guard let path else { return [] }
  guard let text = readFile(path) else {
    Terminal.complain("cannot read `\(path)`")
    return nil
  }
  do throws(JSONError) {
    if let members = try JSON(parsing: text).members { return members }
    Terminal.complain("`\(path)` is not a JSON object")
  } catch {
    Terminal.complain("`\(path)`, byte \(error.offset + 1): \(error.message)")
  }
  return nil
}

/// One expression over one document.
private struct Evaluation {
  let text: String
  let data: [JSON.Member]
  private var environment = Environment()

  init(_ text: String, over data: [JSON.Member]) {
    self.text = text
    self.data = data
    for (index, member) in data.enumerated() {
      environment.declare(variable: member.name, type: Evaluation.type(of: member.value), slot: index)
    }
  }

  /// Numbers, texts and truths are what they look like; what is inside of lists and objects is known at run time.
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

  func run(showsType: Bool, explains: Bool, asJSON: Bool) -> Int32 {
    var sources = SourceSet()
    sources.add(name: "<expression>", text: Array(text.utf8))
    let (expression, problems) = parse(text)
    let checked = problems.hasErrors ? nil : environment.check(expression)
    guard let tree = checked?.expression, let program = try? ExpressionProgram(tree, types: environment.types) else {
      let renderer = PrettyRenderer(sources: sources, style: Terminal.errorStyle)
      Terminal.error(renderer.render(problems + (checked?.diagnostics ?? [])) + "\n")
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
      show(value, tree.type, explanation, showsType: showsType, asJSON: asJSON)
      return ExitCode.fine
    } catch {
      if let explanation { Terminal.error(explanation.text(source: text, types: environment.types) + "\n") }
      Terminal.complain(error.message)
      return ExitCode.findings
    }
  }

  private func show(
    _ value: Value, _ type: ValueType, _ explanation: Explanation?, showsType: Bool, asJSON: Bool
  ) {
    let types = environment.types
    if asJSON {
      var members: [JSON.Member] = [.init("value", value.json(in: types)), .init("type", .string("\(type)"))]
      if let explanation { members.append(.init("explanation", explanation.json(in: types))) }
      Terminal.output(JSON.object(members).text(.indented) + "\n")
      return
    }
    if let explanation { Terminal.output(explanation.text(source: text, types: types) + "\n") }
    Terminal.output(value.json(in: types).text() + (showsType ? " : \(type)" : "") + "\n")
  }
}
