import FlowSource
import FlowSyntax

/// F501, F504, F505, F514, F515: events, actions, constants, functions, roles, types and enums that nothing uses.
///
/// A file without flows is a library: its declarations may be used by files outside of this program.
func checkUnusedDeclarations(_ context: LintContext, using uses: ProgramUses, into problems: inout [Diagnostic]) {
  for declaration in context.files.filter({ $0.flowCount > 0 }).flatMap(\.declarations) {
    guard let (code, kind, name) = unusedKind(declaration), !name.isMissing, !uses.names.contains(name.text)
    else { continue }
    problems.append(unused(name, kind: kind, code: code))
  }
}

private func unusedKind(_ declaration: Declaration) -> (code: String, kind: String, name: NameNode)? {
  switch declaration {
  case .event(let node): ("F501", "event", node.name)
  case .action(let node): ("F504", "action", NameNode(text: node.name.text, range: node.name.range))
  case .constant(let node): ("F505", "constant", node.name)
  case .function(let node): ("F505", "function", node.name)
  case .role(let node): ("F514", "role", node.name)
  case .type(let node): ("F515", "type", node.name)
  case .enumeration(let node): ("F515", "enum", node.name)
  case .importing, .flow, .test: nil
  }
}

private func unused(_ name: NameNode, kind: String, code: String) -> Diagnostic {
  Diagnostic(
    code, .warning, "the \(kind) `\(name.text)` is never used", at: name.range, label: "no other use",
    help: "remove it")
}

/// F501, F502, F505: events of a flow's own, data fields and `let`s that nothing uses.
///
/// A field that is only assigned is used, because the data of an instance is visible.
func checkUnusedNames(of flow: CheckedFlow, using uses: Uses, into problems: inout [Diagnostic]) {
  let used = uses.names
  for event in flow.node.events where !used.contains(event.name.text) {
    problems.append(unused(event.name, kind: "event", code: "F501"))
  }
  for field in (flow.node.parameters ?? []) + flow.node.data where !used.contains(field.name.text) {
    problems.append(unused(field.name, kind: "data field", code: "F502"))
  }
  for case .some(let field) in flow.fields.filter({ $0.state != nil }).map(\.node)
  where !used.contains(field.name.text) {
    problems.append(unused(field.name, kind: "field of a state", code: "F502"))
  }
  for definition in flow.node.lets where !used.contains(definition.name.text) {
    problems.append(unused(definition.name, kind: "`let`", code: "F505"))
  }
}

/// F506: an import whose file, and the files imported by it, declare nothing that is used here.
func checkUnusedImports(_ context: LintContext, using uses: ProgramUses, into problems: inout [Diagnostic]) {
  let imports = ImportGraph(context.files)
  for file in context.files {
    guard let own = imports.byFile[file.source.name] else { continue }
    let wanted = (uses.byFile[file.source.name] ?? []).reduce(into: Set<String>()) { wanted, name in
      wanted.formUnion(imports.filesByName[name] ?? [])
    }
    for (node, path) in own where imports.hasFile(path) && !imports.leads(from: path, to: wanted) {
      problems.append(
        Diagnostic(
          "F506", .warning, "`\(node.path)` is imported but not used", at: node.range, label: "not needed",
          fixes: [Fix("remove the import", .safe, [.init(node.range, "")])]))
    }
  }
}

/// The imports of a program, and where its names are declared.
private struct ImportGraph {
  /// The imports of each file that has some, with their paths.
  private(set) var byFile: [String: [(node: ImportNode, path: String)]] = [:]
  /// The files that declare a name.
  private(set) var filesByName: [String: [String]] = [:]
  private let files: Set<String>

  init(_ files: [ParsedFile]) {
    self.files = Set(files.map(\.source.name))
    for file in files {
      for declaration in file.declarations {
        if case .importing(let node) = declaration {
          let path = resolvedPath(node.path, from: file.source.name)
          byFile[file.source.name, default: []].append((node, path))
        } else if let name = declaration.declaredName {
          filesByName[name, default: []].append(file.source.name)
        }
      }
    }
  }

  func hasFile(_ path: String) -> Bool { files.contains(path) }

  /// Returns whether a file is one of others, or imports one of them. Not by recursion, since a chain may be long.
  func leads(from path: String, to wanted: Set<String>) -> Bool {
    if wanted.isEmpty { return false }
    var seen: Set = [path]
    var waiting = [path]
    while let next = waiting.popLast() {
      if wanted.contains(next) { return true }
      for (_, path) in byFile[next] ?? [] where seen.insert(path).inserted { waiting.append(path) }
    }
    return false
  }
}

/// `b/../c.flow` seen from `a/x.flow` is `a/c.flow`.
public func resolvedPath(_ path: String, from file: String) -> String {
  if path.hasPrefix("/") { return normalizedPath(path) }
  let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
  return normalizedPath((folder + [Substring(path)]).joined(separator: "/"))
}

/// A path without `.` and without `..` after a folder, so that two spellings of one path are equal.
public func normalizedPath(_ path: String) -> String {
  var parts: [Substring] = []
  for part in path.split(separator: "/") where part != "." {
    if part == "..", let last = parts.last, last != ".." {
      parts.removeLast()
    } else if part != ".." || !path.hasPrefix("/") {
      parts.append(part)
    }
  }
  return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
}
