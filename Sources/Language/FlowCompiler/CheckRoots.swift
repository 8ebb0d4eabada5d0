import FlowChecker
public import FlowSource
import FlowSyntax

/// Checks files as separate programs: each file with its imports is one program, unless another file imports it.
/// - Parameters:
///   - isFormChecked: True to report files that `flow fmt` would change (F910).
///   - parallelism: The way in which the flows of a program are distributed.
public func check(
  roots: [String], isFormChecked: Bool = false, parallelism: Parallelism = .none, load: @escaping (String) -> [UInt8]?
) -> Compilation {
  var loader = Loader(load: load)
  for path in roots { loader.add(path, from: nil, chain: []) }
  let byName = Dictionary(loader.files.map { ($0.source.name, $0) }) { first, _ in first }
  let tops = loader.tops(of: roots)
  var diagnostics = loader.problems
  let broken = Set(loader.problems.compactMap { loader.sources.file(at: $0.range.lower)?.name })
  for top in tops {
    let files = closure(of: top, byName)
    let isComplete = !files.contains { broken.contains($0.source.name) }
    let checked = FlowChecker.check(
      files, sources: loader.sources, isComplete: isComplete, isWanted: false, parallelism: parallelism)
    diagnostics += checked.diagnostics
  }
  if isFormChecked { diagnostics += loader.files.compactMap(formDiagnostic) }
  diagnostics.sortByRange()
  return Compilation(sources: loader.sources, diagnostics: diagnostics, suppressions: loader.suppressions)
}

/// The files that no other file imports: each with its imports is one program.
public func programRoots(among paths: [String], load: @escaping (String) -> [UInt8]?) -> [String] {
  var loader = Loader(load: load)
  let paths = paths.map(normalizedPath)
  for path in paths { loader.add(path, from: nil, chain: []) }
  return loader.tops(of: paths)
}

/// Compiles files as the programs that they form: each file that no other one imports, with its imports.
///
/// Names have to be unique inside of a program only.
public func compilePrograms(_ paths: [String], load: @escaping (String) -> [UInt8]?) -> [Compilation] {
  programRoots(among: paths, load: load).map { compile([$0], load: load) }
}

extension Loader {
  /// Files that import each other in a cycle have no root; then all of them are roots.
  func tops(of roots: [String]) -> [String] {
    let names = Set(files.map(\.source.name))
    let imported = Set(files.flatMap(\.importedPaths))
    let tops = roots.filter { names.contains($0) && !imported.contains($0) }
    return tops.isEmpty ? roots : tops
  }
}

extension ParsedFile {
  /// The files that it imports, by their paths.
  var importedPaths: [String] {
    declarations.compactMap { declaration in
      if case .importing(let node) = declaration { resolvedPath(node.path, from: source.name) } else { nil }
    }
  }
}

/// A file and its imports, each after the files that it imports.
func closure(of path: String, _ byName: [String: ParsedFile]) -> [ParsedFile] {
  var found: [ParsedFile] = []
  var seen: Set<String> = []
  func visit(_ path: String) {
    guard seen.insert(path).inserted, let file = byName[path] else { return }
    for next in file.importedPaths { visit(next) }
    found.append(file)
  }
  visit(path)
  return found
}

/// F910: the file is formatted.
private func formDiagnostic(_ file: ParsedFile) -> Diagnostic? {
  guard let formatted = format(file.source).text else { return nil }
  let new = Array(formatted.utf8)
  guard new != file.source.text else { return nil }
  let same = zip(new, file.source.text).prefix { $0 == $1 }.count
  let offset = file.source.base + UInt32(min(same, max(file.source.text.count - 1, 0)))
  return Diagnostic(
    "F910", .info, "this file is not formatted", at: SourceRange(offset, offset), label: "first difference",
    help: "run `flow fmt \(file.source.name)`")
}
