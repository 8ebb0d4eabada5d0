import CEL
public import FlowChecker
import FlowCompiler
import FlowSource
import FlowSyntax

/// A program as an editor sees it: the current syntax trees, and the names and types of the last check.
///
/// Not for use from several threads at the same time: results are kept for further questions.
public final class ProgramView {
  /// The files, each after the files that it imports.
  public let units: [SourceUnit]
  public let analysis: Analysis?
  let names: ProgramNames
  private let byPath: [String: SourceUnit]
  private var occurrences: [String: [Occurrence]] = [:]

  /// - Parameters:
  ///   - units: All files of the program.
  ///   - analysis: The last check of them, or of an earlier version.
  public init(_ units: [SourceUnit], analysis: Analysis?) {
    self.units = units
    self.analysis = analysis
    names = ProgramNames(units)
    byPath = Dictionary(units.map { ($0.path, $0) }) { first, _ in first }
  }

  /// The program of files that are given as a whole: the one that no other of them imports.
  /// - Complexity: That of a check.
  public convenience init(files: [(path: String, text: [UInt8])]) {
    let texts = Dictionary(files.map { ($0.path, $0.text) }) { first, _ in first }
    let programs = analyze(roots: files.map(\.path)) { texts[$0] }.programs
    let whole = programs.max { $0.files.count < $1.files.count }
    let units = (whole?.files ?? []).map { SourceUnit(path: $0, text: texts[$0] ?? []) }
    self.init(units, analysis: whole?.analysis)
  }

  public func unit(_ path: String) -> SourceUnit? { byPath[path] }

  /// The occurrences of entities in a file, in the order of the text.
  /// - Complexity: O(length of the file) for the first question.
  public func occurrences(in path: String) -> [Occurrence] {
    if let known = occurrences[path] { return known }
    guard let unit = byPath[path] else { return [] }
    var collector = OccurrenceCollector(names, analysis, unit: unit)
    let found = collector.collect()
    occurrences[path] = found
    return found
  }

  /// The occurrence that contains an offset or ends at it.
  public func occurrence(at offset: UInt32, in path: String) -> Occurrence? {
    let all = occurrences(in: path)
    var (low, high) = (0, all.count)
    while low < high {
      let middle = (low + high) / 2
      if all[middle].range.upper < offset { low = middle + 1 } else { high = middle }
    }
    let near = all[low...].prefix { $0.range.lower <= offset }.filter { offset <= $0.range.upper }
    return near.min { $0.range.upper - $0.range.lower < $1.range.upper - $1.range.lower }
  }

  /// The declaration of an entity.
  public func declaration(of entity: Entity) -> DeclaredEntity? { names.definitions[entity] }

  /// The flow of a file that contains an offset.
  func chart(at offset: UInt32, in path: String) -> Chart? {
    guard let unit = byPath[path] else { return nil }
    for case .flow(let node) in unit.parsed.declarations where node.range.contains(offset) {
      if let chart = names.charts[node.name.text], chart.flow.range == node.range { return chart }
      return Chart(node)
    }
    return nil
  }

  /// The flow that a test is about: after `with`, or the one that its first event starts.
  static func flow(of test: TestNode, _ names: ProgramNames) -> String? {
    if let flow = test.flows.first { return flow.text }
    for statement in test.statements {
      switch statement.kind {
      case .start(let flow, _): return flow.text
      case .send(let value, _, _, _, _):
        let name: String? =
          switch value.kind {
          case .identifier(let name, _): name
          case .record(let literal): literal.typeName.name
          default: nil
          }
        return names.flows.first { flow in
          names.charts[flow]?.flow.starts.contains { start in
            if case .on(let events, _) = start.trigger { events.contains { $0.text == name } } else { false }
          } == true
        }
      default: continue
      }
    }
    return nil
  }
}
