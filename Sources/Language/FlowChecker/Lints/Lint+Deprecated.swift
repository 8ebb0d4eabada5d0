import CEL
import FlowSource
import FlowSyntax

/// F906: declarations with `Deprecated:` in their documentation are deprecated; their uses are reported.
func checkDeprecatedUses(_ context: LintContext, into problems: inout [Diagnostic]) {
  let deprecated = deprecatedNames(context)
  guard !deprecated.isEmpty else { return }
  for file in context.files {
    let tokens = tokenize(file.source.text, base: file.source.base)
    for token in tokens where token.kind == .identifier {
      let name = file.source.string(token.range)
      guard let (declared, advice) = deprecated[name], declared != token.range else { continue }
      problems.append(
        Diagnostic(
          "F906", .warning, "`\(name)` is deprecated", at: token.range, label: "deprecated declaration",
          labels: [.init(declared, "declared here")], help: advice.isEmpty ? nil : advice))
    }
  }
}

private func deprecatedNames(_ context: LintContext) -> [String: (range: SourceRange, advice: String)] {
  var found: [String: (range: SourceRange, advice: String)] = [:]
  for declaration in context.files.flatMap(\.declarations) {
    let (name, documentation): (NameNode, String) =
      switch declaration {
      case .event(let node): (node.name, node.documentation)
      case .type(let node): (node.name, node.documentation)
      case .enumeration(let node): (node.name, node.documentation)
      case .action(let node) where node.name.names.count == 1: (node.name.names[0], node.documentation)
      case .constant(let node): (node.name, node.documentation)
      case .function(let node): (node.name, node.documentation)
      case .role(let node): (node.name, node.documentation)
      case .flow(let node): (node.name, node.documentation)
      case .importing, .test, .action: (NameNode(text: "", range: SourceRange(0, 0)), "")
      }
    for line in documentation.split(separator: "\n") where line.hasPrefix("Deprecated:") {
      found[name.text] = (name.range, line.dropFirst("Deprecated:".count).drop { $0 == " " }.description)
    }
  }
  return found
}
