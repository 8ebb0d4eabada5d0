/// Findings in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS, 2020).
public func renderSARIF(_ diagnostics: [Diagnostic], sources: SourceSet, version: String) -> JSON {
  let codes = Set(diagnostics.map(\.code)).sorted()
  let results = diagnostics.map { SARIFResult(diagnostic: $0, sources: sources, codes: codes).json }
  return [
    "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
    "runs": [
      [
        "tool": [
          "driver": [
            "name": "flow", "version": .string(version), "rules": .array(codes.map(ruleJSON)),
          ]
        ],
        "columnKind": "unicodeCodePoints", "results": .array(results),
        "invocations": [["executionSuccessful": true]],
      ]
    ],
  ]
}

private func ruleJSON(_ code: String) -> JSON {
  guard let rule = Rule.named(code) else { return ["id": .string(code)] }
  return [
    "id": .string(code), "name": .string(rule.name), "shortDescription": ["text": .string(rule.summary)],
    "help": ["text": .string("flow explain \(code)"), "markdown": .string("`flow explain \(code)` says more")],
    "defaultConfiguration": ["level": .string(level(rule.severity))],
    "properties": ["tags": [.string(rule.category)], "precision": "very-high"],
  ]
}

private func level(_ severity: Diagnostic.Severity) -> String { severity == .info ? "note" : severity.rawValue }

/// One finding.
private struct SARIFResult {
  let diagnostic: Diagnostic
  let sources: SourceSet
  let codes: [String]

  var json: JSON {
    var members: [JSON.Member] = [
      .init("ruleId", .string(diagnostic.code)),
      .init("ruleIndex", .int(Int64(codes.firstIndex(of: diagnostic.code) ?? 0))),
      .init("level", .string(level(diagnostic.severity))), .init("message", ["text": .string(message)]),
      .init("partialFingerprints", ["primaryLocationLineHash": .string(diagnostic.fingerprint(in: sources))]),
    ]
    if let location = location(diagnostic.range, diagnostic.label) { members.append(.init("locations", [location])) }
    let related = diagnostic.labels.compactMap { location($0.range, $0.text) }
    if !related.isEmpty { members.append(.init("relatedLocations", .array(related))) }
    let fixes = diagnostic.fixes.compactMap(fix)
    if !fixes.isEmpty { members.append(.init("fixes", .array(fixes))) }
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
    guard let first = fix.edits.first, let file = sources.file(at: first.range.lower) else { return nil }
    let replacements = fix.edits.map { edit -> JSON in
      ["deletedRegion": region(edit.range, file), "insertedContent": ["text": .string(edit.text)]]
    }
    return [
      "description": ["text": .string(fix.title)],
      "artifactChanges": [["artifactLocation": artifact(file), "replacements": .array(replacements)]],
    ]
  }

  private func artifact(_ file: SourceFile) -> JSON { ["uri": .string(uri(file.name))] }

  private func region(_ range: SourceRange, _ file: SourceFile) -> JSON {
    let (start, end) = (file.position(of: range.lower), file.position(of: range.upper))
    return [
      "startLine": .int(Int64(start.line)), "startColumn": .int(Int64(start.column)),
      "endLine": .int(Int64(end.line)), "endColumn": .int(Int64(end.column)),
    ]
  }

  /// A path as a relative reference: what a URI can't hold is written as `%` and two digits.
  private func uri(_ path: String) -> String {
    var out = ""
    for byte in path.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: "/"):
        out.unicodeScalars.append(Unicode.Scalar(byte))
      default: out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }
}
