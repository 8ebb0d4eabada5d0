public import FlowChecker
public import FlowIR
import FlowSource
import FlowSyntax

/// One program of a workspace, as far as its names and types hold.
public struct ProgramAnalysis: Sendable {
  /// The file that no other file imports.
  public var root: String
  /// The names of its files, each after the files that it imports.
  public var files: [String]
  public var analysis: Analysis

  /// The program in its executable form; nil when it has errors.
  public var program: Program? { analysis.program.map(lower) }

  /// The tests of the program; empty when it has errors.
  public var tests: [TestCase] { analysis.program.map(lowerTests) ?? [] }
}

/// Checks files as separate programs, like ``check(roots:isFormChecked:load:)``, and keeps their names and types.
/// - Parameter load: Returns the text of a path, or nil when none exists.
public func analyze(
  roots: [String], load: (String) -> [UInt8]?
) -> (programs: [ProgramAnalysis], compilation: Compilation) {
  let loader = Loader(roots, load: load)
  let byName = Dictionary(loader.files.map { ($0.source.name, $0) }) { first, _ in first }
  let broken = Set(loader.problems.compactMap { loader.sources.file(at: $0.range.lower)?.name })
  let programs = loader.tops(of: roots).map { root in
    let files = closure(of: root, byName)
    let isComplete = !files.contains { broken.contains($0.source.name) }
    return ProgramAnalysis(
      root: root, files: files.map(\.source.name),
      analysis: FlowChecker.analyze(files, sources: loader.sources, isComplete: isComplete))
  }
  let diagnostics = loader.problems + programs.flatMap(\.analysis.diagnostics)
  return (
    programs,
    Compilation(
      sources: loader.sources, diagnostics: diagnostics.sortedByRange(), suppressions: loader.suppressions)
  )
}

/// The path of an imported file, relative to the importing one.
public func importedPath(_ path: String, from importing: String) -> String { resolvedPath(path, from: importing) }
