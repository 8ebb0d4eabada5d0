import FlowChecker
public import FlowSource
import FlowSyntax

/// Checks files as separate programs: each file with its imports is one program, unless another file imports it.
/// - Parameters:
///   - isFormChecked: True to report files that `flow fmt` would change (F910).
///   - parallelism: The way in which files and flows are distributed.
public func check(
  roots: [String], isFormChecked: Bool = false, parallelism: Parallelism = .none, load: (String) -> [UInt8]?
) -> Compilation {
  let loader = Loader(roots, parallelism: parallelism, load: load)
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
public func programRoots(among paths: [String], load: (String) -> [UInt8]?) -> [String] {
  let paths = paths.map(normalizedPath)
  return Loader(paths, load: load).tops(of: paths)
}

/// Compiles files as the programs that they form: each file that no other one imports, with its imports.
///
/// Names have to be unique inside of a program only.
public func compilePrograms(_ paths: [String], load: (String) -> [UInt8]?) -> [Compilation] {
  programRoots(among: paths, load: load).map { compile([$0], load: load) }
}

/// A file and its imports, each after the files that it imports.
func closure(of path: String, _ byName: [String: ParsedFile]) -> [ParsedFile] {
  guard let root = byName[path] else { return [] }
  var found: [ParsedFile] = []
  var seen: Set = [path]
  // Not by recursion, since a chain of imports may be long.
  var open = [(file: root, rest: root.importedPaths[...])]
  while let last = open.last {
    if let next = open[open.count - 1].rest.popFirst() {
      guard seen.insert(next).inserted, let file = byName[next] else { continue }
      open.append((file, file.importedPaths[...]))
    } else {
      found.append(last.file)
      open.removeLast()
    }
  }
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
