public import FlowDiagnostics
import FlowIR
public import FlowJSON

/// The tests of a file and their results, as text.
public func renderPretty(_ reports: [TestReport], style: TerminalStyle, isTraced: Bool = false) -> String {
  var out = ""
  for report in reports {
    out += report.hasPassed ? style.paint("✓", .green) : style.paint("✗", .red)
    out += " \(report.name)  \(style.paint(report.flow, .dim))\n"
    if let failure = report.failure { out += describe(failure, style) }
    if isTraced || !report.hasPassed, !report.trace.isEmpty {
      out += indented("what happened:\n" + indented(report.trace.joined(separator: "\n"), by: 2), by: 4) + "\n"
    }
  }
  let failed = reports.count { !$0.hasPassed }
  let passed = "\(reports.count - failed) passed"
  return out + (failed == 0 ? style.paint(passed, .green) : style.paint("\(failed) failed", .red) + ", " + passed)
    + "\n"
}

private func describe(_ failure: TestReport.Failure, _ style: TerminalStyle) -> String {
  var out = "    \(style.paint("\(failure.location)", .dim))  \(style.paint(failure.statement, .bold))\n"
  out += "    \(failure.message)\n"
  if !failure.details.isEmpty { out += indented(failure.details, by: 6) + "\n" }
  return out
}

private func indented(_ text: String, by width: Int) -> String {
  let space = String(repeating: " ", count: width)
  return text.split(separator: "\n", omittingEmptySubsequences: false).map { space + $0 }.joined(separator: "\n")
}

/// One JSON document.
public func renderJSON(_ reports: [TestReport]) -> JSON {
  let failed = reports.count { !$0.hasPassed }
  return [
    "version": 1,
    "tests": .array(
      reports.map { report in
        [
          "name": .string(report.name), "flow": .string(report.flow), "at": .string("\(report.location)"),
          "passed": .bool(report.hasPassed), "steps": .int(Int64(report.steps)),
          "failure": report.failure.map(json) ?? .null, "trace": .array(report.trace.map { .string($0) }),
        ]
      }),
    "summary": ["passed": .int(Int64(reports.count - failed)), "failed": .int(Int64(failed))],
  ]
}

private func json(_ failure: TestReport.Failure) -> JSON {
  [
    "statement": .string(failure.statement), "at": .string("\(failure.location)"), "message": .string(failure.message),
    "details": .string(failure.details),
  ]
}

/// The Test Anything Protocol, version 14.
public func renderTAP(_ reports: [TestReport]) -> String {
  var out = "TAP version 14\n1..\(reports.count)\n"
  for (index, report) in reports.enumerated() {
    let name = report.name.replacing("#", with: "\\#")
    out += "\(report.hasPassed ? "ok" : "not ok") \(index + 1) - \(name)\n"
    guard let failure = report.failure else { continue }
    out += "  ---\n  at: \(JSON.string("\(failure.location)").text())\n"
    out += "  statement: \(JSON.string(failure.statement).text())\n"
    out += "  message: \(JSON.string(failure.message).text())\n"
    out += "  details: \(JSON.string(failure.details).text())\n  ...\n"
  }
  return out
}

/// The JUnit XML format of continuous integration; one suite for each flow.
public func renderJUnit(_ reports: [TestReport]) -> String {
  var out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
  for flow in Set(reports.map(\.flow)).sorted() {
    let suite = reports.filter { $0.flow == flow }
    let failures = suite.count { !$0.hasPassed }
    out += "  <testsuite name=\"\(escapedXML(flow))\" tests=\"\(suite.count)\" failures=\"\(failures)\">\n"
    for report in suite { out += testCase(report) }
    out += "  </testsuite>\n"
  }
  return out + "</testsuites>\n"
}

private func testCase(_ report: TestReport) -> String {
  let location = report.location
  let head = "    <testcase name=\"\(escapedXML(report.name))\" classname=\"\(escapedXML(report.flow))\""
  let file = " file=\"\(escapedXML(location.file))\" line=\"\(location.line)\""
  guard let failure = report.failure else { return head + file + "/>\n" }
  let text = "\(failure.location): \(failure.statement)\n\(failure.details)"
  return head + file + ">\n      <failure message=\"\(escapedXML(failure.message))\">\(escapedXML(text))</failure>\n"
    + "      <system-out>\(escapedXML(report.trace.joined(separator: "\n")))</system-out>\n    </testcase>\n"
}
