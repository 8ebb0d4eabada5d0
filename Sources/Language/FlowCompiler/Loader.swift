import FlowChecker
import FlowDiagnostics
import FlowSource
import FlowSyntax

/// Files with their imports.
struct Loader {
  /// The maximum number of files that are read together.
  static let maximumFiles = 10_000

  private(set) var sources = SourceSet()
  /// Each after the files that it imports.
  private(set) var files: [ParsedFile] = []
  private(set) var problems: [Diagnostic] = []
  private(set) var suppressions: [String: [Suppression]] = [:]
  private var outlines: [String: ParsedFile] = [:]
  /// The files that were not read because of the limit.
  private var excess: Set<String> = []
  private var arranged: Set<String> = []

  /// Reads files and follows their imports.
  /// - Parameters:
  ///   - parallelism: The way in which the files are parsed.
  ///   - load: Returns the text of a path, or nil when none exists.
  init(_ paths: [String], parallelism: Parallelism = .none, load: (String) -> [UInt8]?) {
    read(paths, parallelism: parallelism, load: load)
    for path in paths { arrange(path) }
    outlines = [:]
  }

  /// Files that import each other in a cycle have no root; then all of them are roots.
  func tops(of roots: [String]) -> [String] {
    let names = Set(files.map(\.source.name))
    let imported = Set(files.flatMap(\.importedPaths))
    let tops = roots.filter { names.contains($0) && !imported.contains($0) }
    return tops.isEmpty ? roots : tops
  }

  /// Reads files, then those that they import, and so on.
  private mutating func read(_ roots: [String], parallelism: Parallelism, load: (String) -> [UInt8]?) {
    var seen: Set<String> = []
    var wave = roots
    while !wave.isEmpty {
      let added = wave.compactMap { path -> SourceFile? in
        guard seen.insert(path).inserted, let text = load(path) else { return nil }
        guard sources.files.count < Loader.maximumFiles else {
          excess.insert(path)
          return nil
        }
        return sources.add(name: path, text: text)
      }
      let parsed = parallelism.map(count: added.count) { index in
        let file = parseOutline(added[index])
        return (file: file.withoutTokens, suppressions: file.suppressions)
      }
      for (file, found) in parsed {
        outlines[file.source.name] = file
        if !found.isEmpty { suppressions[file.source.name] = found }
      }
      wave = parsed.flatMap(\.file.importedPaths)
    }
  }

  // MARK: - Order

  /// A file whose imports are visited.
  private struct OpenFile {
    let file: ParsedFile
    /// The import that led to the file.
    let node: ImportNode?
    var rest: ArraySlice<ImportNode>
  }

  /// Appends a file after those that it imports. Not by recursion, since a chain of imports may be long.
  private mutating func arrange(_ root: String) {
    guard let first = open(root, from: nil) else { return }
    var chain = [first]
    var positions = [root: 0]
    while let last = chain.last {
      let name = last.file.source.name
      guard let node = chain[chain.count - 1].rest.popFirst() else {
        files.append(last.file)
        positions[name] = nil
        chain.removeLast()
        continue
      }
      let path = resolvedPath(node.path, from: name)
      if let start = positions[path] {
        problems.append(cycle(chain[start...], closedBy: node))
      } else if let next = open(path, from: node) {
        positions[path] = chain.count
        chain.append(next)
      }
    }
  }

  /// - Returns: Nil for a file that was visited before, and for one that was not read.
  private mutating func open(_ path: String, from node: ImportNode?) -> OpenFile? {
    guard arranged.insert(path).inserted else { return nil }
    guard let file = outlines[path] else {
      problems.append(missing(path, node))
      return nil
    }
    return OpenFile(file: file, node: node, rest: file.imports[...])
  }

  // MARK: - Problems

  /// F109: files import each other in a cycle.
  private func cycle(_ chain: ArraySlice<OpenFile>, closedBy last: ImportNode) -> Diagnostic {
    let paths = chain.map(\.file.source.name)
    let names = (paths + paths.prefix(1)).map { "`\($0)`" }.joined(separator: " → ")
    return Diagnostic(
      "F109", "files import each other in a cycle: \(names)", at: last.range, label: "closes the cycle",
      labels: chain.dropFirst().compactMap(\.node).map { .init($0.range, "imports the next") },
      help: "move the shared declarations into a separate file")
  }

  /// F108: the file does not exist, or is one too many.
  private func missing(_ path: String, _ node: ImportNode?) -> Diagnostic {
    guard !excess.contains(path) else {
      return Diagnostic(
        "F108", "cannot read `\(path)`: at most \(Loader.maximumFiles) files are read together",
        at: node?.pathRange ?? SourceRange(0, 0), help: "check the files of one folder at a time")
    }
    guard let node else { return Diagnostic("F108", "cannot read `\(path)`", at: SourceRange(0, 0)) }
    return Diagnostic(
      "F108", "there is no readable file `\(path)`", at: node.pathRange, label: "not found",
      help: "the path is relative to the file that imports it")
  }
}

extension ParsedFile {
  /// The imports that name a file.
  fileprivate var imports: [ImportNode] {
    declarations.compactMap { declaration in
      if case .importing(let node) = declaration, !node.path.isEmpty { node } else { nil }
    }
  }

  /// The files that it imports, by their paths.
  var importedPaths: [String] { imports.map { resolvedPath($0.path, from: source.name) } }
}
