import FlowHTTP
import FlowIDE
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

// Help for people who read a source or write a condition: the answers of editors, for the dashboard.
extension FlowService {
  /// `GET /v1/flows/{flow}/hover?line=3&column=5`
  func showHover(_ request: RouteRequest) throws(Problem) {
    let entry = try flow(request)
    // A file may contain further flows.
    try request.context.checkSees(sourceOf: entry.machine)
    let line = try request.query.number("line", default: 1, in: 1...Int(Int32.max))
    let column = try request.query.number("column", default: 1, in: 1...Int(Int32.max))
    let name = request.query["file"]
    answer(request) { [hovers] queries throws(StoreError) in
      guard let files = try queries.source(hash: entry.hash), !files.isEmpty else { return .json(["hover": .null]) }
      let file = name ?? FlowService.file(of: entry, in: files).name
      let hover = hovers.ask(hash: entry.hash, files: files) { view in
        view.hover(line: line, column: column, in: file).flatMap { FlowService.json($0, in: view.unit(file)) }
      }
      return .json(["hover": hover ?? .null])
    }
  }

  private static func json(_ hover: Hover, in unit: SourceUnit?) -> JSON? {
    guard let source = unit?.source else { return nil }
    let (start, end) = (source.position(of: hover.range.lower), source.position(of: hover.range.upper))
    return [
      "markdown": .string(hover.text),
      "from": ["line": .int(Int64(start.line)), "column": .int(Int64(start.column))],
      "to": ["line": .int(Int64(end.line)), "column": .int(Int64(end.column))],
    ]
  }

  /// `GET /v1/flows/{flow}/completions?q=data.pa`
  func listCompletions(_ request: RouteRequest) throws(Problem) {
    let entry = try flow(request)
    let text = request.query["q"] ?? ""
    guard text.utf8.count <= Predicate.maximumBytes else {
      throw .badRequest("`q` has more than \(Predicate.maximumBytes) bytes")
    }
    let word = ExpressionCompletion.word(of: text)
    let start = text.unicodeScalars.count - word.unicodeScalars.count
    let items = ExpressionCompletion.proposals(atEndOf: text, in: InstanceList.environment(of: entry))
    request.respond.send(
      .json([
        "from": .int(Int64(start)),
        "items": .array(
          items.prefix(FlowService.maximumCompletions).map {
            ["label": .string($0.label), "kind": .string($0.kind.rawValue), "detail": .string($0.detail)]
          }),
      ]))
  }

  /// The maximum number of completions in a response.
  private static let maximumCompletions = 100
}
