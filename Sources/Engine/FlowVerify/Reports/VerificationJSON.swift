import FlowIR
public import FlowJSON

extension VerificationReport {
  /// The verdicts as JSON.
  public var json: JSON {
    [
      "flow": .string(flow), "with": .array(partners.map { .string($0) }), "situations": .int(Int64(situations)),
      "steps": .int(Int64(steps)),
      "properties": .array(properties.map(\.json)),
    ]
  }
}

extension PropertyResult {
  fileprivate var json: JSON {
    var members: [JSON.Member] = [
      .init("kind", .string(kind.rawValue)), .init("property", .string(text)), .init("file", .string(location.file)),
      .init("line", .int(Int64(location.line))),
    ]
    switch verdict {
    case .proved(let proof):
      members += [.init("verdict", "proved"), .init("by", .string(proof.rawValue))]
      if !facts.isEmpty { members.append(.init("invariant", .array(facts.map { .string($0) }))) }
    case .unknown(let reason): members += [.init("verdict", "unknown"), .init("reason", .string(reason))]
    case .refuted(let example):
      members += [
        .init("verdict", "refuted"), .init("severity", .string(example.severity.rawValue)),
        .init("message", .string(example.message)), .init("moves", .int(Int64(example.moves.count))),
        .init("path", .array(example.path.map { .array($0.map { .string($0) }) })),
        .init("test", example.test.map { .string($0) } ?? .null),
      ]
    }
    return .object(members)
  }
}

/// Counter-examples and undecided properties in the Static Analysis Results Interchange Format, version 2.1.0
/// (OASIS, 2020).
/// - Parameter version: The version of the tool.
public func renderSARIF(_ reports: [VerificationReport], version: String) -> JSON {
  let results = reports.flatMap { report in
    report.properties.compactMap { result(of: $0, flow: report.flow) }
  }
  let kinds = Set(reports.flatMap { $0.properties.map(\.kind.rawValue) }).sorted()
  return [
    "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
    "runs": [
      [
        "tool": [
          "driver": [
            "name": "flow verify", "version": .string(version),
            "rules": .array(kinds.map { ["id": .string("verify/\($0.replacing(" ", with: "-"))")] }),
          ]
        ],
        "originalUriBaseIds": ["%SRCROOT%": ["description": ["text": "the folder in which flow was run"]]],
        "results": .array(results), "invocations": [["executionSuccessful": true]],
      ]
    ],
  ]
}

private func result(of property: PropertyResult, flow: String) -> JSON? {
  let level: String
  var message = "\(flow): \(property.text)"
  switch property.verdict {
  case .proved: return nil
  case .unknown(let reason):
    level = "note"
    message += ": not decided, \(reason)"
  case .refuted(let example):
    level = example.severity == .info ? "note" : example.severity.rawValue
    message += ": \(example.message)" + (example.test.map { "\n\n\($0)" } ?? "")
  }
  var location: [JSON.Member] = [.init("uri", .string(property.location.file))]
  if !property.location.file.hasPrefix("/") { location.append(.init("uriBaseId", "%SRCROOT%")) }
  return [
    "ruleId": .string("verify/\(property.kind.rawValue.replacing(" ", with: "-"))"), "level": .string(level),
    "message": ["text": .string(message)],
    "locations": [
      [
        "physicalLocation": [
          "artifactLocation": .object(location), "region": ["startLine": .int(Int64(property.location.line))],
        ]
      ]
    ],
  ]
}
