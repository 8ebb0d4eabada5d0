import FlowChecker
public import FlowSource
import FlowSyntax

/// Compiles a file and its imports.
///
/// Performs no I/O: `load` returns the text of a path, or nil for a file that does not exist. Imports are relative to
/// the importing file.
public func compile(_ path: String, load: (String) -> [UInt8]?) -> Compilation {
  compile([path], load: load)
}

/// Compiles files as one program.
/// - Parameters:
///   - isLowered: True to return the program; false to return diagnostics only.
///   - parallelism: The way in which files and flows are distributed.
public func compile(
  _ paths: [String], isLowered: Bool = true, parallelism: Parallelism = .none, load: (String) -> [UInt8]?
) -> Compilation {
  let loader = Loader(paths.map(normalizedPath), parallelism: parallelism, load: load)
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
