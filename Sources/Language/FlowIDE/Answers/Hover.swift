import CEL
import FlowChecker
import FlowDiagnostics
public import FlowSource
import FlowSyntax

/// The text of a hover, in Markdown, with the range that it describes.
public struct Hover: Hashable, Sendable {
  public var range: SourceRange
  public var text: String
}

extension ProgramView {
  /// The description of what is at an offset; nil when there is nothing to say.
  public func hover(at offset: UInt32, in path: String) -> Hover? {
    guard let unit = unit(path) else { return nil }
    if let rule = rule(at: offset, unit) { return rule }
    if let occurrence = occurrence(at: offset, in: path) {
      return Hover(range: occurrence.range, text: describe(occurrence, at: offset, unit))
    }
    if let keyword = keyword(at: offset, unit) { return keyword }
    return expressionType(at: offset, unit)
  }

  private func describe(_ occurrence: Occurrence, at offset: UInt32, _ unit: SourceUnit) -> String {
    var parts: [String] = []
    let entity = occurrence.entity
    if let definition = declaration(of: entity) {
      parts.append(code(signature(of: definition)))
      if !definition.documentation.isEmpty { parts.append(definition.documentation) }
    } else if let text = predefined(entity, at: occurrence, unit) {
      parts.append(text)
    }
    switch entity {
    case .state(let name, let flow): parts += describe(state: name, flow: flow)
    case .event(let name): parts += answers(to: name, at: offset, in: unit.path)
    case .role(let name): parts += uses(ofRole: name)
    default: break
    }
    return parts.joined(separator: "\n\n")
  }

  /// The declaration of an entity with its type, where the text does not show it.
  func signature(of definition: DeclaredEntity) -> String {
    switch definition.entity {
    case .definition(let name, let flow):
      let scope = ExpressionScope(names, analysis, flow: flow)
      guard let node = names.charts[flow]?.flow.lets.first(where: { $0.name.text == name }) else { break }
      let text = definition.signature.drop { $0 != "=" }
      return "let \(name): \(scope.type(of: node.value)) \(text)"
    case .constant(let name):
      let scope = ExpressionScope(names, analysis)
      guard let node = names.constants[name] else { break }
      return "const \(name): \(scope.type(of: node.value)) \(definition.signature.drop { $0 != "=" })"
    case .call(let name, let flow):
      let type = ExpressionScope(names, analysis, flow: flow).type(of: name)
      guard case .record(let record) = type, let result = analysis?.environment(of: flow)?.types.record(named: record)
      else { break }
      return definition.signature + result.fields.map { "\n\(name).\($0.name): \($0.type)" }.joined()
    default: break
    }
    return definition.signature
  }

  private func predefined(_ entity: Entity, at occurrence: Occurrence, _ unit: SourceUnit) -> String? {
    switch entity {
    case .predefined(let name):
      let scope = self.scope(at: occurrence.range.lower, unit)
      return code("\(name): \(scope.type(of: name))") + (Vocabulary.names[name].map { "\n\n\($0)" } ?? "")
    case .local(let name, _, _):
      var collector = OccurrenceCollector(names, analysis, unit: unit)
      let type = collector.expression(at: occurrence.range.upper).map { $0.1.type(of: name) }
      return code("\(name): \(type ?? .dyn)")
    case .predefinedField(let name, let record):
      let all = analysis.map { Array($0.environments.values) + [$0.environment] } ?? []
      let type = all.lazy.compactMap { $0.types.record(named: record)?.field(name)?.type }.first
      return code("\(name): \(type ?? .dyn)")
    case .library(let name):
      let signatures = (analysis?.environment.signatures(of: name) ?? []).map(\.description)
      guard !signatures.isEmpty else { return code(name) }
      return code(signatures.prefix(8).joined(separator: "\n"))
    case .file(let path):
      let count = self.unit(path)?.parsed.declarations.count
      return count.map { "`\(path)`, \($0) declarations" } ?? "`\(path)` is not there"
    case .event, .state: return nil
    default: return nil
    }
  }

  func code(_ text: String) -> String { "```flow\n\(text)\n```" }

  // MARK: - States and roles

  private func describe(state name: String, flow: String) -> [String] {
    guard let chart = names.charts[flow], let state = chart.state(named: name) else { return [] }
    var parts: [String] = []
    let incoming = chart.incoming(to: state)
    let sources = incoming.map { $0.source.map { "`\(chart.title(of: $0))`" } ?? "`start`" }
    var lines = ["\(incoming.count) in" + (sources.isEmpty ? "" : ": " + unique(sources).joined(separator: ", "))]
    let targets = chart.states[state].reactions.compactMap { chart.target(of: $0.rest, from: state) }
    if !chart.isEnd(state) {
      lines.append(
        "\(targets.count) out"
          + (targets.isEmpty ? "" : ": " + unique(targets.map { "`\(chart.title(of: $0))`" }).joined(separator: ", ")))
      let counts = chart.answerCounts(in: state)
      lines.append("events: \(counts.own) answered here, \(counts.inherited) inherited, \(counts.refused) refused")
    }
    parts.append(lines.map { "- " + $0 }.joined(separator: "\n"))
    return parts
  }

  private func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  private func uses(ofRole role: String) -> [String] {
    let lines = names.flows.flatMap { flow -> [String] in
      guard let chart = names.charts[flow] else { return [] }
      return chart.states.indices.flatMap { state in
        chart.states[state].reactions.filter { $0.rest.roles.contains { $0.text == role } }
          .map { "- `\($0.triggers.joined(separator: ", "))` in `\(chart.title(of: state))`" }
      }
    }
    return lines.isEmpty ? [] : ["May send:\n" + lines.joined(separator: "\n")]
  }

  // MARK: - Expressions, keywords, codes

  private func expressionType(at offset: UInt32, _ unit: SourceUnit) -> Hover? {
    var collector = OccurrenceCollector(names, analysis, unit: unit)
    guard let (expression, scope) = collector.expression(at: offset), !expression.range.isEmpty else { return nil }
    if case .missing = expression.kind { return nil }
    return Hover(range: expression.range, text: code("\(unit.text(expression.range)): \(scope.type(of: expression))"))
  }

  /// The scope of the expression at an offset, or that of its flow.
  func scope(at offset: UInt32, _ unit: SourceUnit) -> ExpressionScope {
    var collector = OccurrenceCollector(names, analysis, unit: unit)
    if let found = collector.expression(at: offset) { return found.1 }
    return ExpressionScope(names, analysis, flow: chart(at: offset, in: unit.path)?.flow.name.text)
  }

  private func keyword(at offset: UInt32, _ unit: SourceUnit) -> Hover? {
    guard let token = unit.word(at: offset), let text = Vocabulary.keywords[unit.text(token.range)] else { return nil }
    return Hover(range: token.range, text: "**\(unit.text(token.range))**: \(text)")
  }

  /// The summary of a rule whose code a comment names.
  private func rule(at offset: UInt32, _ unit: SourceUnit) -> Hover? {
    for suppression in unit.parsed.suppressions where suppression.range.contains(offset) {
      let lines = suppression.rules.compactMap { Rule.named($0) }.map { "**\($0.code)** \($0.name): \($0.summary)" }
      guard !lines.isEmpty else { return nil }
      return Hover(range: suppression.range, text: lines.joined(separator: "\n\n"))
    }
    return nil
  }
}
