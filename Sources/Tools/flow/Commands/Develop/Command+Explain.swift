import CPages
import FlowDiagnostics
import FlowJSON
import FlowSource

extension Command {
  static let explain = Command(
    name: "explain", group: .develop, summary: "Describe a diagnostic code, with a wrong and a corrected example.",
    operands: "CODE|PREFIX\n--list", completion: .rules, options: [ExplainOptions.list, ExplainOptions.format],
    example: "flow explain F401",
    action: { arguments throws(UsageError) in
      let format = arguments[ExplainOptions.format]
      if arguments[ExplainOptions.list] { return show(Rule.all, format: format) }
      guard arguments.operands.count == 1 else {
        throw UsageError("`flow explain` requires one code", help: "flow explain --list")
      }
      let name = try RuleNames.rules(arguments.operands)[0]
      let matches = Rule.named(name) == nil ? Rule.all.filter { $0.code.hasPrefix(name) } : []
      return matches.isEmpty ? try explain(name, format: format) : show(matches, format: format)
    })

  private static func explain(_ name: String, format: ExplainOptions.Format) throws(UsageError) -> Int32 {
    guard let rule = Rule.named(name), let page = page(of: rule.code) else {
      throw UsageError("there is no page for `\(name)`", help: "see `flow explain --list`")
    }
    var document = json(rule).members ?? []
    document.append(.init("markdown", .string(page)))
    Terminal.output(format == .json ? JSON.object(document).text(.indented) + "\n" : page)
    return ExitCode.success
  }

  private static func show(_ rules: [Rule], format: ExplainOptions.Format) -> Int32 {
    let lines = rules.map { "\($0.code)  \($0.severity.rawValue)\t\($0.name): \($0.summary)\n" }.joined()
    Terminal.output(format == .json ? JSON.array(rules.map(json)).text(.indented) + "\n" : lines)
    return ExitCode.success
  }

  private static func json(_ rule: Rule) -> JSON {
    [
      "code": .string(rule.code), "name": .string(rule.name), "severity": .string(rule.severity.rawValue),
      "category": .string(rule.category), "summary": .string(rule.summary),
    ]
  }
}

/// The options of `flow explain`.
private enum ExplainOptions {
  enum Format: String, CaseIterable { case md, json }

  static let list = Option.flag("list", help: "list all codes")
  static let format = Option.choice("format", short: "f", default: Format.md, help: "output format")
}

/// The page of a diagnostic code, in Markdown.
func page(of code: String) -> String? {
  var index = 0
  var length = 0
  while let start = cpages_text(index, &length) {
    let bytes = UnsafeRawBufferPointer(start: start, count: length)
    let text = String(decoding: bytes, as: UTF8.self)
    if text.hasPrefix("# \(code) ") { return text }
    index += 1
  }
  return nil
}
