import FlowChecker
import FlowDiagnostics
public import FlowSource
import FlowSyntax

/// The maximum number of files in one program.
public let maximumFiles = 1000

/// Compiles a file and its imports.
///
/// Performs no I/O: `load` returns the text of a path, or nil for a file that does not exist. Imports are relative to
/// the importing file.
public func compile(_ path: String, load: @escaping (String) -> [UInt8]?) -> Compilation {
  compile([path], load: load)
}

/// Compiles files as one program.
/// - Parameters:
///   - isLowered: True to return the program; false to return diagnostics only.
///   - parallelism: The way in which the flows are distributed.
public func compile(
  _ paths: [String], isLowered: Bool = true, parallelism: Parallelism = .none, load: @escaping (String) -> [UInt8]?
) -> Compilation {
  var loader = Loader(load: load)
  for path in paths { loader.add(normalizedPath(path), from: nil, chain: []) }
  let isComplete = !loader.problems.hasErrors
  let checked = check(
    loader.files, sources: loader.sources, isComplete: isComplete, isWanted: isLowered, parallelism: parallelism)
  var diagnostics = checked.diagnostics
  if !loader.problems.isEmpty { diagnostics = (loader.problems + diagnostics).sortedByRange() }
  guard isLowered, !diagnostics.hasErrors, let program = checked.program else {
    return Compilation(sources: loader.sources, diagnostics: diagnostics, suppressions: loader.suppressions)
  }
  return Compilation(
    sources: loader.sources, program: lower(program), tests: lowerTests(program), diagnostics: diagnostics,
    suppressions: loader.suppressions)
}

/// Reads files and follows their imports.
struct Loader {
  let load: (String) -> [UInt8]?
  var sources = SourceSet()
  var files: [ParsedFile] = []
  var problems: [Diagnostic] = []
  private var seen: Set<String> = []
  private(set) var suppressions: [String: [Suppression]] = [:]

  init(load: @escaping (String) -> [UInt8]?) { self.load = load }

  mutating func add(_ path: String, from importing: ImportNode?, chain: [(path: String, node: ImportNode)]) {
    if let start = chain.firstIndex(where: { $0.path == path }), let importing {
      problems.append(cycle(of: path, through: Array(chain[start...]), closedBy: importing))
      return
    }
    guard seen.insert(path).inserted else { return }
    guard files.count < maximumFiles, let text = load(path), let source = sources.add(name: path, text: text) else {
      problems.append(missing(path, importing))
      return
    }
    let file = parseOutline(source)
    for declaration in file.declarations {
      guard case .importing(let node) = declaration, !node.path.isEmpty else { continue }
      add(resolvedPath(node.path, from: path), from: node, chain: chain + [(path, node)])
    }
    let found = file.suppressions
    if !found.isEmpty { suppressions[file.source.name] = found }
    files.append(file.withoutTokens)
  }

  /// F109: files that import each other in a cycle.
  private func cycle(
    of path: String, through chain: [(path: String, node: ImportNode)], closedBy last: ImportNode
  ) -> Diagnostic {
    let names = (chain.map(\.path) + [path]).map { "`\($0)`" }.joined(separator: " → ")
    return Diagnostic(
      "F109", "files import each other in a cycle: \(names)", at: last.range, label: "closes the cycle",
      labels: chain.filter { $0.node.range != last.range }.map { .init($0.node.range, "imports the next") },
      help: "move the shared declarations into a separate file")
  }

  /// F108: the file does not exist.
  private func missing(_ path: String, _ importing: ImportNode?) -> Diagnostic {
    guard let importing else {
      return Diagnostic("F108", "cannot read `\(path)`", at: SourceRange(0, 0))
    }
    return Diagnostic(
      "F108", "there is no readable file `\(path)`", at: importing.pathRange, label: "not found",
      help: "the path is relative to the file that imports it")
  }
}
