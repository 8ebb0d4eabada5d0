import CEL
import FlowChecker
public import FlowSource
import FlowSyntax

/// The parameters of the call around the cursor.
public struct SignatureHelp: Hashable, Sendable {
  /// The whole signature on one line.
  public var label: String
  /// Parts of the label.
  public var parameters: [String]
  /// The index of the parameter at the cursor.
  public var active: Int
  /// Markdown.
  public var documentation: String
}

extension ProgramView {
  /// The signature of the action, flow or function whose parentheses contain an offset.
  public func signatureHelp(at offset: UInt32, in path: String) -> SignatureHelp? {
    guard let unit = unit(path) else { return nil }
    let context = CursorContext(unit, at: offset)
    guard let block = context.block, block.kind == .arguments, !block.name.isEmpty else { return nil }
    let inner = (block.open + 1)..<max(block.open + 1, context.tokens.count)
    let position = inner.filter { context.kind($0) == .comma }.count
    if context.isTarget(block), let help = signatureHelp(ofState: block.name, at: offset, position, context, in: path) {
      return help
    }
    if let nodes = names.parameters(ofCallee: block.name) {
      let parts = nodes.map { "\($0.name.text): \(unitText($0.type, of: block.name))" }
      let named = inner.last { context.kind($0) == .colon }.flatMap { colon in
        nodes.firstIndex { $0.name.text == context.word(colon - 1) }
      }
      let entity = names.callee(block.name)
      return SignatureHelp(
        label: "\(block.name)(\(parts.joined(separator: ", ")))", parameters: parts, active: named ?? position,
        documentation: entity.flatMap { declaration(of: $0)?.documentation } ?? "")
    }
    if let function = names.functions[block.name] {
      let parts = function.parameters.map { "\($0.name.text): \(names.type(of: $0.type))" }
      return SignatureHelp(
        label: "\(block.name)(\(parts.joined(separator: ", "))) -> \(names.type(of: function.result))",
        parameters: parts, active: position, documentation: function.documentation)
    }
    let last = String(block.name.split(separator: ".").last ?? "")
    let signatures =
      (analysis?.environment.signatures(of: block.name) ?? []) + (analysis?.environment.signatures(of: last) ?? [])
    guard let signature = signatures.first else { return nil }
    let parts = signature.parameters.dropFirst(signature.isMember ? 1 : 0).map { "\($0)" }
    return SignatureHelp(label: signature.description, parameters: parts, active: position, documentation: "")
  }

  /// The fields of the state in `-> state(…)`.
  private func signatureHelp(
    ofState name: String, at offset: UInt32, _ position: Int, _ context: CursorContext, in path: String
  ) -> SignatureHelp? {
    guard let chart = chart(at: offset, in: path), let block = context.block,
      let state = chart.resolve(name.split(separator: ".").map(String.init), from: chart.state(at: offset))?.last,
      let node = chart.states[state].node, !node.fields.isEmpty
    else { return nil }
    let parts = node.fields.map { "\($0.name.text): \(names.type(of: $0.type))" }
    let inner = (block.open + 1)..<max(block.open + 1, context.tokens.count)
    let named = inner.last { context.kind($0) == .colon }.flatMap { colon in
      node.fields.firstIndex { $0.name.text == context.word(colon - 1) }
    }
    return SignatureHelp(
      label: "\(name)(\(parts.joined(separator: ", ")))", parameters: parts, active: named ?? position,
      documentation: node.documentation)
  }

  private func unitText(_ type: TypeReferenceNode, of callee: String) -> String { "\(names.type(of: type))" }

  /// The paths of imports with the files that they mean.
  public func links(in path: String) -> [(location: Place, target: String)] {
    occurrences(in: path).compactMap { occurrence in
      guard case .file(let target) = occurrence.entity, unit(target) != nil else { return nil }
      return (Place(file: path, range: occurrence.range), target)
    }
  }
}

extension SourceUnit {
  /// The block in braces that ends at an offset; the end itself when none exists.
  public func block(endingAt offset: UInt32) -> SourceRange {
    var open: [UInt32] = []
    for token in tokens {
      if token.kind == .leftBrace { open.append(token.range.lower) }
      guard token.kind == .rightBrace else { continue }
      let start = open.popLast()
      if token.range.upper == offset, let start { return SourceRange(start, offset) }
    }
    return SourceRange(offset, offset)
  }
}
