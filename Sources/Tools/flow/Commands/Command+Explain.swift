import CPages
import FlowDiagnostics
import FlowJSON
import FlowSource

extension Command {
  static let explain = Command(
    name: "explain", summary: "Say what a code means, with an example that is wrong and one that is right.",
    operands: "CODE|BEGINNING",
    options: [
      Option(name: "list", value: nil, help: "list all codes"),
      Option(name: "format", value: "md|json", help: "the page as it is, or as a document"),
    ],
    example: "flow explain F401, or `flow explain F4` for the list of what begins so",
    action: { arguments in
      guard let format = arguments.choice("format", of: ["md", "json"]) else { return ExitCode.usage }
      if arguments.has("list") {
        return show(Rule.all, format)
      }
      guard arguments.operands.count == 1, let rules = RuleNames.rules(arguments.operands) else {
        if arguments.operands.count != 1 {
          Terminal.complain("`flow explain` takes one code", help: "flow explain --list")
        }
        return ExitCode.usage
      }
      let begun = Rule.named(rules[0]) == nil ? Rule.all.filter { $0.code.hasPrefix(rules[0]) } : []
      return begun.isEmpty ? explain(rules[0], format) : show(begun, format)
    })

  private static func explain(_ name: String, _ format: String) -> Int32 {
    guard let rule = Rule.named(name), let page = page(of: rule.code) else {
      Terminal.complain("there is no page for `\(name)`", help: "see `flow explain --list`")
      return ExitCode.usage
    }
    var document = json(rule).members ?? []
    document.append(.init("markdown", .string(page)))
    Terminal.output(format == "json" ? JSON.object(document).text(.indented) + "\n" : page)
    return ExitCode.fine
  }

  private static func show(_ rules: [Rule], _ format: String) -> Int32 {
    let lines = rules.map { "\($0.code)  \($0.severity.rawValue)\t\($0.name): \($0.summary)\n" }.joined()
    Terminal.output(format == "json" ? JSON.array(rules.map(json)).text(.indented) + "\n" : lines)
    return ExitCode.fine
  }

  private static func json(_ rule: Rule) -> JSON {
    [
      "code": .string(rule.code), "name": .string(rule.name), "severity": .string(rule.severity.rawValue),
      "category": .string(rule.category), "summary": .string(rule.summary),
    ]
  }
}

/// The page that begins with a code.
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
