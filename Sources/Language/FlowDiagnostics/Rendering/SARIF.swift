public import FlowJSON
public import FlowSource

/// Findings in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS, 2020).
/// - Parameters:
///   - suppressed: Findings that are listed as suppressed.
///   - page: The Markdown page of a code, which is included as its help.
public func renderSARIF(
  _ diagnostics: [Diagnostic], suppressed: [LintResult.Suppressed] = [], sources: SourceSet, version: String,
  page: (String) -> String? = { _ in nil }
) -> JSON {
  let codes = Set(diagnostics.map(\.code) + suppressed.map(\.diagnostic.code)).sorted()
  let indices = Dictionary(uniqueKeysWithValues: codes.enumerated().map { ($1, $0) })
  let results =
    diagnostics.map { SARIFResult(diagnostic: $0, sources: sources, indices: indices).json(suppressed: nil) }
    + suppressed.map { SARIFResult(diagnostic: $0.diagnostic, sources: sources, indices: indices).json(suppressed: $0) }
  return [
    "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
    "runs": [
      [
        "tool": [
          "driver": [
            "name": "flow", "version": .string(version),
            "rules": .array(codes.map { ruleJSON($0, page($0)) }),
          ]
        ],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": [rootName: ["description": ["text": "the folder in which flow was run"]]],
        "results": .array(results), "invocations": [["executionSuccessful": true]],
      ]
    ],
  ]
}

/// The base of relative paths.
private let rootName = "%SRCROOT%"

private func ruleJSON(_ code: String, _ page: String?) -> JSON {
  guard let rule = Rule.named(code) else { return ["id": .string(code)] }
  let markdown = page ?? "`flow explain \(code)` says more"
  return [
    "id": .string(code), "name": .string(rule.name), "shortDescription": ["text": .string(rule.summary)],
    "fullDescription": ["text": .string(rule.summary)],
    "help": ["text": .string("flow explain \(code)"), "markdown": .string(markdown)],
    "defaultConfiguration": ["level": .string(level(rule.severity))],
    "properties": ["tags": [.string(rule.category)], "precision": "very-high"],
  ]
}

private func level(_ severity: Diagnostic.Severity) -> String { severity == .info ? "note" : severity.rawValue }

/// One finding.
private struct SARIFResult {
  let diagnostic: Diagnostic
  let sources: SourceSet
  let indices: [String: Int]

  /// - Parameter suppressed: The suppression of the finding, when it has one.
  func json(suppressed: LintResult.Suppressed?) -> JSON {
    var members: [JSON.Member] = [
      .init("ruleId", .string(diagnostic.code)),
      .init("ruleIndex", .int(Int64(indices[diagnostic.code] ?? 0))),
      .init("level", .string(level(diagnostic.severity))), .init("message", ["text": .string(message)]),
      .init("partialFingerprints", ["primaryLocationLineHash": .string(diagnostic.fingerprint(in: sources))]),
    ]
    if let location = location(diagnostic.range, diagnostic.label) { members.append(.init("locations", [location])) }
    let related = diagnostic.labels.compactMap { location($0.range, $0.text) }
    if !related.isEmpty { members.append(.init("relatedLocations", .array(related))) }
    let fixes = diagnostic.fixes.compactMap(fix)
    if !fixes.isEmpty { members.append(.init("fixes", .array(fixes))) }
    members.append(.init("suppressions", .array(suppressed.map { [suppression($0)] } ?? [])))
    return .object(members)
  }

  private func suppression(_ suppressed: LintResult.Suppressed) -> JSON {
    var members: [JSON.Member] = [.init("kind", suppressed.origin == .source ? "inSource" : "external")]
    if !suppressed.reason.isEmpty { members.append(.init("justification", .string(suppressed.reason))) }
    return .object(members)
  }

  private var message: String {
    ([diagnostic.message] + diagnostic.notes + [diagnostic.help].compactMap { $0 }).joined(separator: "\n")
  }

  private func location(_ range: SourceRange, _ text: String) -> JSON? {
    guard let file = sources.file(at: range.lower) else { return nil }
    var members: [JSON.Member] = [
      .init("physicalLocation", ["artifactLocation": artifact(file), "region": region(range, file)])
    ]
    if !text.isEmpty { members.append(.init("message", ["text": .string(text)])) }
    return .object(members)
  }

  private func fix(_ fix: Fix) -> JSON? {
    var changes: [(file: SourceFile, replacements: [JSON])] = []
    for edit in fix.edits {
      guard let file = sources.file(at: edit.range.lower) else { return nil }
      if changes.last?.file.name != file.name { changes.append((file, [])) }
      changes[changes.count - 1].replacements.append(
        ["deletedRegion": region(edit.range, file), "insertedContent": ["text": .string(edit.text)]])
    }
    guard !changes.isEmpty else { return nil }
    return [
      "description": ["text": .string(fix.title)],
      "artifactChanges": .array(
        changes.map { ["artifactLocation": artifact($0.file), "replacements": .array($0.replacements)] }),
    ]
  }

  private func artifact(_ file: SourceFile) -> JSON {
    if file.name.hasPrefix("/") { return ["uri": .string("file://" + uri(file.name))] }
    return ["uri": .string(uri(file.name)), "uriBaseId": .string(rootName)]
  }

  private func region(_ range: SourceRange, _ file: SourceFile) -> JSON {
    let (start, end) = (file.position(of: range.lower), file.position(of: range.upper))
    return [
      "startLine": .int(Int64(start.line)), "startColumn": .int(Int64(start.column)),
      "endLine": .int(Int64(end.line)), "endColumn": .int(Int64(end.column)),
    ]
  }

  /// A path as a relative reference.
  private func uri(_ path: String) -> String { path.percentEncoded(except: "/") }
}
