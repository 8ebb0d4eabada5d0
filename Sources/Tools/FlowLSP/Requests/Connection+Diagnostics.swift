import FlowDiagnostics
import FlowIDE
import FlowJSON
import FlowSource

extension Connection {
  /// Keeps the result of a check, and sends its findings when the text has not changed since.
  mutating func finish(_ result: CheckResult) {
    workspace.keep(result)
    guard result.generation == workspace.generation else { return }
    host.log("checked \(result.files.count) files in \(result.duration) ms")
    let byFile = Dictionary(grouping: result.findings, by: \.location.file)
    for file in result.files {
      let new = byFile[file] ?? []
      let isSent = findings[file] != nil
      guard !isSent || findings[file] != new || workspace.open[file] != nil else { continue }
      findings[file] = new
      if isSent || !new.isEmpty || workspace.open[file] != nil { publish(new, of: file) }
    }
    if capabilities.pullsDiagnostics, capabilities.refreshesDiagnostics {
      request("workspace/diagnostic/refresh", .null)
    }
    if capabilities.refreshesLenses { request("workspace/codeLens/refresh", .null) }
    if capabilities.refreshesHints { request("workspace/inlayHint/refresh", .null) }
    if capabilities.refreshesTokens { request("workspace/semanticTokens/refresh", .null) }
  }

  mutating func publish(_ findings: [Finding], of file: String) {
    // A client that asks for the diagnostics of its open documents would show those twice.
    if capabilities.pullsDiagnostics, workspace.open[file] != nil { return }
    var members: [JSON.Member] = [
      .init("uri", .string(uri(of: file))), .init("diagnostics", .array(findings.map { diagnostic($0) })),
    ]
    if let version = workspace.open[file]?.version { members.append(.init("version", .int(Int64(version)))) }
    notifyClient("textDocument/publishDiagnostics", .object(members))
  }

  /// The findings of a file as they are now.
  mutating func currentFindings(of path: String) -> [Finding] {
    guard let result = workspace.job(for: path).run(host: host) else { return [] }
    workspace.keep(result)
    return result.findings.filter { $0.location.file == path }
  }

  mutating func diagnostic(_ finding: Finding) -> JSON {
    guard let unit = workspace.unit(finding.location.file) else { return .null }
    let severity: Int64 =
      switch finding.severity {
      case .error: 1
      case .warning: 2
      case .info: 3
      }
    var members: [JSON.Member] = [
      .init("range", positions(unit).json(finding.location.range)), .init("severity", .int(severity)),
      .init("code", .string(finding.code)), .init("source", "flow"), .init("message", .string(finding.message)),
    ]
    let related = finding.related.map { related -> JSON in
      ["location": location(related.location), "message": .string(related.text)]
    }
    if !related.isEmpty { members.append(.init("relatedInformation", .array(related))) }
    if let tag = Connection.tags[finding.code] { members.append(.init("tags", [.int(tag)])) }
    if !finding.repairs.isEmpty { members.append(.init("data", ["fixes": .int(Int64(finding.repairs.count))])) }
    return .object(members)
  }

  /// Unused declarations are shown faded (1), deprecated ones struck through (2).
  private static let tags: [String: Int64] = [
    "F301": 1, "F309": 1, "F401": 1, "F403": 1, "F501": 1, "F502": 1, "F504": 1, "F505": 1, "F511": 1, "F512": 2,
  ]
}
