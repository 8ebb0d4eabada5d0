import FlowChecker
import FlowCompiler
import FlowIDE
import FlowJSON
import FlowSource

/// The open documents, the files of the workspace, and the programs that they make.
struct Workspace {
  /// The number of files of a workspace whose imports are followed, at most.
  static let maximumFiles = 5000

  let host: LanguageServerHost
  /// The open documents, by path.
  private(set) var open: [String: Document] = [:]
  /// The imports of all known files, by path.
  private var imports: [String: [String]] = [:]
  private var units: [String: SourceUnit] = [:]
  private var views: [String: ProgramView] = [:]
  /// The last check of each program, by its root.
  private var analyses: [String: (generation: Int, analysis: ProgramAnalysis)] = [:]
  /// Counts the changes.
  private(set) var generation = 0

  init(host: LanguageServerHost) { self.host = host }

  // MARK: - Files

  /// Reads the imports of the files below folders.
  mutating func add(folders: [String]) {
    for folder in folders {
      for file in host.flowFiles(folder) where imports.count < Workspace.maximumFiles { scan(normalizedPath(file)) }
    }
  }

  /// Notes a change of a file on the disk.
  mutating func changeFile(_ path: String) {
    guard open[path] == nil else { return }
    units[path] = nil
    scan(path)
    changed()
  }

  mutating func open(_ document: Document) {
    open[document.path] = document
    note(document.text, of: document.path)
  }

  /// Applies the changes of a notification.
  mutating func change(_ path: String, version: Int, changes: [JSON], encoding: PositionEncoding) {
    guard var document = open[path] else { return }
    document.apply(changes, encoding: encoding)
    document.version = version
    open[path] = document
    units[path] = nil
    changed()
  }

  mutating func close(_ path: String) {
    open[path] = nil
    units[path] = nil
    scan(path)
    changed()
  }

  private mutating func changed() {
    generation += 1
    views = [:]
  }

  private mutating func note(_ text: [UInt8], of path: String) {
    units[path] = nil
    imports[path] = unit(path)?.importedPaths
    changed()
  }

  /// Reads the imports of a file on the disk.
  private mutating func scan(_ path: String) {
    guard let text = host.readFile(path) else {
      imports[path] = nil
      return
    }
    // Nearly all files of a workspace import nothing: a search of the bytes is enough for them.
    let word = Array("import".utf8)
    imports[path] = text.contains(word) ? SourceUnit(path: path, text: text).importedPaths : []
  }

  func text(of path: String) -> [UInt8]? { open[path]?.text ?? host.readFile(path) }

  /// The parsed file, current to the last change.
  mutating func unit(_ path: String) -> SourceUnit? {
    if let known = units[path] { return known }
    guard let text = text(of: path) else { return nil }
    let unit = SourceUnit(path: path, text: text)
    units[path] = unit
    imports[path] = unit.importedPaths
    return unit
  }

  // MARK: - Programs

  /// The files that a file imports, directly or through others, each after the files that it imports.
  private mutating func closure(of root: String) -> [String] {
    var found: [String] = []
    var seen: Set<String> = []
    func visit(_ path: String, _ workspace: inout Workspace) {
      guard seen.insert(path).inserted, let unit = workspace.unit(path) else { return }
      for next in unit.importedPaths { visit(next, &workspace) }
      found.append(path)
    }
    visit(root, &self)
    return found
  }

  /// The roots of the programs that contain a file.
  mutating func roots(of path: String) -> [String] {
    _ = unit(path)
    var importers: [String: [String]] = [:]
    for (file, imported) in imports {
      for other in imported { importers[other, default: []].append(file) }
    }
    var seen: Set<String> = [path]
    var rest = [path]
    var roots: [String] = []
    while let file = rest.popLast() {
      let above = importers[file] ?? []
      if above.isEmpty { roots.append(file) }
      rest += above.filter { seen.insert($0).inserted }
    }
    return roots.isEmpty ? [path] : roots.sorted()
  }

  /// The roots of all programs that share a file with the one that contains a file.
  mutating func component(of path: String) -> [String] {
    var roots = Set(self.roots(of: path))
    var rest = Array(roots)
    while let root = rest.popLast() {
      for file in closure(of: root) {
        for other in self.roots(of: file) where roots.insert(other).inserted { rest.append(other) }
      }
    }
    return roots.sorted()
  }

  /// A check of the programs around a file, with the texts of this moment.
  mutating func job(for path: String) -> CheckJob {
    CheckJob(generation: generation, roots: component(of: path), open: open.mapValues(\.text))
  }

  /// Keeps the names and types that a check found.
  mutating func keep(_ result: CheckResult) {
    for program in result.programs where (analyses[program.root]?.generation ?? -1) <= result.generation {
      analyses[program.root] = (result.generation, program)
      views[program.root] = nil
    }
  }

  /// The programs that contain a file.
  /// - Parameter isCurrent: True to check them first when the last check is outdated.
  mutating func views(for path: String, isCurrent: Bool = false) -> [ProgramView] {
    let roots = self.roots(of: path)
    let isKnown = roots.allSatisfy { analyses[$0] != nil && (!isCurrent || analyses[$0]?.generation == generation) }
    if !isKnown, let result = job(for: path).run(host: host) { keep(result) }
    return roots.map { root in
      if let known = views[root] { return known }
      let units = closure(of: root).compactMap { self.unit($0) }
      let view = ProgramView(units, analysis: analyses[root]?.analysis.analysis)
      views[root] = view
      return view
    }
  }

  /// The last check of the first program that contains a file.
  mutating func analysis(for path: String) -> ProgramAnalysis? {
    _ = views(for: path, isCurrent: true)
    return roots(of: path).first.flatMap { analyses[$0]?.analysis }
  }
}

extension [UInt8] {
  /// Returns whether the bytes contain a word.
  fileprivate func contains(_ word: [UInt8]) -> Bool {
    guard let first = word.first, count >= word.count else { return false }
    var index = startIndex
    while let found = self[index...].firstIndex(of: first) {
      if self[found...].starts(with: word) { return true }
      index = found + 1
    }
    return false
  }
}
