public import FlowSource

/// Workflow commands of GitHub Actions, errors first, because GitHub limits how many a run shows.
public func renderGitHub(_ diagnostics: [Diagnostic], sources: SourceSet) -> String {
  errorsFirst(diagnostics).map { line($0, sources) }.joined()
}

private func errorsFirst(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
  let order: [Diagnostic.Severity] = [.error, .warning, .info]
  return order.flatMap { severity in diagnostics.filter { $0.severity == severity } }
}

private func line(_ diagnostic: Diagnostic, _ sources: SourceSet) -> String {
  var properties: [String] = []
  if let file = sources.file(at: diagnostic.range.lower) {
    let (start, end) = (file.position(of: diagnostic.range.lower), file.position(of: diagnostic.range.upper))
    properties = ["file=\(property(file.name))", "line=\(start.line)", "endLine=\(end.line)", "col=\(start.column)"]
    if start.line == end.line { properties.append("endColumn=\(end.column)") }
  }
  let name = Rule.named(diagnostic.code).map { " \($0.name)" } ?? ""
  properties.append("title=\(property(diagnostic.code + name))")
  let help = diagnostic.help.map { "\n\($0)" } ?? ""
  let command = diagnostic.severity == .info ? "notice" : diagnostic.severity.rawValue
  return "::\(command) \(properties.joined(separator: ","))::\(data(diagnostic.message + help))\n"
}

private func data(_ text: String) -> String {
  text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
}

private func property(_ text: String) -> String {
  data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
}

/// A table in Markdown, errors first.
public func renderMarkdown(_ diagnostics: [Diagnostic], sources: SourceSet) -> String {
  guard !diagnostics.isEmpty else { return "" }
  let rows = errorsFirst(diagnostics).map { diagnostic -> String in
    let location = sources.file(at: diagnostic.range.lower).map {
      "\($0.name):\($0.position(of: diagnostic.range.lower).line)"
    }
    let cells = [diagnostic.severity.rawValue, diagnostic.code, location ?? "", diagnostic.message]
    return "| " + cells.map(cell).joined(separator: " | ") + " |\n"
  }
  return "| | code | place | message |\n| --- | --- | --- | --- |\n" + rows.joined()
}

/// Text escaped for a table cell.
private func cell(_ text: String) -> String {
  text.replacing("|", with: "\\|").replacing("\r", with: " ").replacing("\n", with: " ")
}

/// JUnit's XML: a suite for each file, a case for each finding, and one that passes for a file without any.
public func renderJUnit(_ diagnostics: [Diagnostic], sources: SourceSet) -> String {
  var out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
  for file in sources.files {
    let found = diagnostics.filter { sources.file(at: $0.range.lower)?.name == file.name }
    let name = escapedXML(file.name)
    out += "  <testsuite name=\"\(name)\" tests=\"\(max(found.count, 1))\" failures=\"\(found.count)\">\n"
    if found.isEmpty { out += "    <testcase name=\"\(name)\"/>\n" }
    for diagnostic in found { out += testCase(diagnostic, file) }
    out += "  </testsuite>\n"
  }
  return out + "</testsuites>\n"
}

private func testCase(_ diagnostic: Diagnostic, _ file: SourceFile) -> String {
  let position = file.position(of: diagnostic.range.lower)
  let location = escapedXML("\(file.name):\(position.line):\(position.column)")
  let text = ([diagnostic.label] + diagnostic.notes + [diagnostic.help].compactMap { $0 }).filter { !$0.isEmpty }
  return """
        <testcase name="\(location)" classname="\(escapedXML(file.name))">
          <failure type="\(diagnostic.code)" message="\(escapedXML(diagnostic.message))">\
    \(escapedXML(text.joined(separator: "\n")))</failure>
        </testcase>

    """
}

/// Escapes text for XML; control characters, which XML cannot represent, become question marks.
public func escapedXML(_ text: String) -> String {
  var out = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": out += "&amp;"
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "\"": out += "&quot;"
    case "\n", "\t": out.unicodeScalars.append(scalar)
    case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: out += "?"
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out
}
