import CEL
public import FlowSource
import FlowSyntax

/// A change that an editor offers.
public struct CodeAction: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case quickFix = "quickfix"
    case extract = "refactor.extract"
    case inline = "refactor.inline"
    case rewrite = "refactor.rewrite"
  }

  public var title: String
  public var kind: Kind
  /// The finding that it repairs.
  public var finding: Finding?
  public var isPreferred: Bool
  public var edits: [TextEdit]
}

extension ProgramView {
  /// The changes that are possible in a range.
  /// - Parameter findings: The findings of the file.
  public func codeActions(in path: String, range: SourceRange, findings: [Finding]) -> [CodeAction] {
    guard let unit = unit(path) else { return [] }
    var found: [CodeAction] = []
    for finding in findings {
      let location = finding.location
      guard location.file == path, location.range.lower <= range.upper, range.lower <= location.range.upper else {
        continue
      }
      found += finding.repairs.enumerated().map { index, repair in
        CodeAction(
          title: repair.title, kind: .quickFix, finding: finding, isPreferred: repair.isSafe && index == 0,
          edits: repair.edits)
      }
      found += creations(for: finding, unit)
      if finding.severity != .error { found.append(suppression(of: finding, unit)) }
    }
    found += extraction(range, unit)
    found += inlining(range.lower, unit)
    found += missingReaction(range.lower, unit)
    return found
  }

  /// The edits of all safe repairs of one code in a file.
  public static func allRepairs(of code: String?, in findings: [Finding]) -> [TextEdit] {
    var found: [TextEdit] = []
    for finding in findings where code == nil || finding.code == code {
      guard let repair = finding.repairs.first(where: \.isSafe) else { continue }
      let isFree = repair.edits.allSatisfy { edit in
        !found.contains { $0.location.file == edit.location.file && $0.location.range.touches(edit.location.range) }
      }
      if isFree { found += repair.edits }
    }
    return found
  }

  // MARK: - Declarations that are missing

  /// Declares the name that a finding reports as unknown.
  private func creations(for finding: Finding, _ unit: SourceUnit) -> [CodeAction] {
    let name = unit.text(finding.location.range)
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 < 0x80 && ($0 != 0x20) }) else { return [] }
    switch finding.code {
    case "F104": return createState(name, for: finding, unit)
    case "F105": return create("event \(name)", titled: "create the event `\(name)`", for: finding, unit)
    case "F106" where finding.message.hasPrefix("there is no role"):
      return create("role \(name)", titled: "create the role `\(name)`", for: finding, unit)
    case "F107": return create("action \(name)()", titled: "create the action `\(name)`", for: finding, unit)
    default: return []
    }
  }

  /// Adds a declaration before the first flow of the file.
  private func create(_ text: String, titled title: String, for finding: Finding, _ unit: SourceUnit) -> [CodeAction] {
    let flow = unit.parsed.declarations.first { declaration in
      if case .flow = declaration { true } else { false }
    }
    let offset = flow.map { unit.startOfDeclaration(at: $0.range.lower) } ?? unit.range.upper
    return [
      CodeAction(
        title: title, kind: .quickFix, finding: finding, isPreferred: false,
        edits: [TextEdit(Place(file: unit.path, range: SourceRange(offset, offset)), text + "\n\n")])
    ]
  }

  private func createState(_ name: String, for finding: Finding, _ unit: SourceUnit) -> [CodeAction] {
    guard !name.contains("."), let chart = chart(at: finding.location.range.lower, in: unit.path) else { return [] }
    let offset = chart.flow.range.upper - 1
    guard unit.text(SourceRange(offset, offset + 1)) == "}" else { return [] }
    let location = Place(file: unit.path, range: SourceRange(offset, offset))
    return [
      CodeAction(
        title: "create the state `\(name)`", kind: .quickFix, finding: finding, isPreferred: false,
        edits: [TextEdit(location, "\n  state \(name) {\n  }\n")]),
      CodeAction(
        title: "create the final state `\(name)`", kind: .quickFix, finding: finding, isPreferred: false,
        edits: [TextEdit(location, "\n  final \(name)\n")]),
    ]
  }

  /// Adds a comment above the line of a finding.
  private func suppression(of finding: Finding, _ unit: SourceUnit) -> CodeAction {
    let line = unit.source.position(of: finding.location.range.lower).line
    let start = UInt32(unit.source.start(ofLine: line))
    let indent = unit.source.line(line).prefix { $0 == " " || $0 == "\t" }
    return CodeAction(
      title: "ignore \(finding.code) here", kind: .quickFix, finding: finding, isPreferred: false,
      edits: [
        TextEdit(
          Place(file: unit.path, range: SourceRange(start, start)),
          "\(indent)// flow:ignore[\(finding.code)] intended\n")
      ])
  }

  // MARK: - Expressions

  /// Moves a selected expression of a flow into a `let`.
  private func extraction(_ range: SourceRange, _ unit: SourceUnit) -> [CodeAction] {
    guard !range.isEmpty, let chart = chart(at: range.lower, in: unit.path) else { return [] }
    var collector = OccurrenceCollector(names, analysis, unit: unit)
    guard let (expression, scope) = collector.expression(covering: range), expression.range == range else { return [] }
    // A `let` sees neither the event nor the variables of macros and loops.
    guard scope.locals.isEmpty, !expression.references.contains(where: { $0.name == "event" }) else { return [] }
    let name = freeName("value", in: chart)
    let offset = insertionOfDefinition(in: chart, unit)
    return [
      CodeAction(
        title: "extract `let \(name)`", kind: .extract, finding: nil, isPreferred: false,
        edits: [
          TextEdit(Place(file: unit.path, range: SourceRange(offset, offset)), "  let \(name) = \(unit.text(range))\n"),
          TextEdit(Place(file: unit.path, range: range), name),
        ])
    ]
  }

  private func freeName(_ base: String, in chart: Chart) -> String {
    let flow = chart.flow.name.text
    var (name, number) = (base, 2)
    while names.definitions[.data(name, flow: flow)] != nil || names.definitions[.definition(name, flow: flow)] != nil {
      name = "\(base)\(number)"
      number += 1
    }
    return name
  }

  /// The line after the last `let`, or before the first start.
  private func insertionOfDefinition(in chart: Chart, _ unit: SourceUnit) -> UInt32 {
    if let last = chart.flow.lets.last {
      let line = unit.source.position(of: last.range.upper).line
      return UInt32(unit.source.start(ofLine: line + 1))
    }
    let first = chart.flow.starts.first?.range.lower ?? chart.flow.states.first?.range.lower ?? chart.flow.range.upper
    return UInt32(unit.source.start(ofLine: unit.source.position(of: first).line))
  }

  /// Replaces a `let` by its expression everywhere.
  private func inlining(_ offset: UInt32, _ unit: SourceUnit) -> [CodeAction] {
    guard case .definition(let name, let flow)? = occurrence(at: offset, in: unit.path)?.entity,
      let node = names.charts[flow]?.flow.lets.first(where: { $0.name.text == name }),
      let definition = declaration(of: .definition(name, flow: flow)), definition.location.file == unit.path
    else { return [] }
    let text = unit.text(node.value.range)
    let isSimple = node.value.dottedName != nil
    let uses = locations(of: .definition(name, flow: flow), includesDeclaration: false)
    let line = unit.source.position(of: node.range.lower).line
    let last = unit.source.position(of: node.range.upper).line
    let start = UInt32(unit.source.start(ofLine: line))
    let end = last < unit.source.lineCount ? UInt32(unit.source.start(ofLine: last + 1)) : unit.range.upper
    return [
      CodeAction(
        title: "inline `\(name)`", kind: .inline, finding: nil, isPreferred: false,
        edits: uses.map { TextEdit($0, isSimple ? text : "(\(text))") }
          + [TextEdit(Place(file: unit.path, range: SourceRange(start, end)), "")])
    ]
  }

  // MARK: - Reactions

  /// Adds a reaction without a guard behind those that all have one.
  private func missingReaction(_ offset: UInt32, _ unit: SourceUnit) -> [CodeAction] {
    guard let chart = chart(at: offset, in: unit.path) else { return [] }
    let state = chart.state(at: offset)
    guard let reaction = chart.states[state].reactions.first(where: { $0.range.contains(offset) }),
      let name = reaction.triggers.first, reaction.rest.guardExpression != nil,
      !chart.ownAnswers(to: name, in: state).contains(where: \.isUnconditional),
      let last = chart.states[state].reactions.last(where: { $0.triggers.contains(name) })
    else { return [] }
    let line = unit.source.position(of: last.range.lower).line
    let indent = unit.source.line(line).prefix { $0 == " " || $0 == "\t" }
    let end = last.range.upper
    let here = chart.states[state].path
    guard state != 0 else { return [] }
    return [
      CodeAction(
        title: "add the missing case of `\(name)`", kind: .rewrite, finding: nil, isPreferred: false,
        edits: [
          TextEdit(
            Place(file: unit.path, range: SourceRange(end, end)),
            "\n\(indent)on \(name) -> \(chart.shortestPath(to: state, from: state))")
        ].filter { _ in !here.isEmpty })
    ]
  }
}

extension SourceRange {
  fileprivate func touches(_ other: SourceRange) -> Bool { lower <= other.upper && other.lower <= upper }
}

extension SourceUnit {
  /// The beginning of a declaration with the comments directly above it.
  func startOfDeclaration(at offset: UInt32) -> UInt32 {
    var line = source.position(of: offset).line
    while line > 1, source.line(line - 1).hasPrefix("//") { line -= 1 }
    return UInt32(source.start(ofLine: line))
  }
}
