import FlowCompiler
import FlowDiagnostics
import FlowDiagram
import FlowIDE
import FlowIR
import FlowJSON
import FlowREPL
import FlowSource
import FlowTesting

// Requests of our own: pictures, reasons, and runs without effects.
extension Connection {
  static let customHandlers: [String: Handler] = [
    "flow/graph": { connection, parameters throws(ResponseError) in try connection.graph(parameters) },
    "flow/why": { connection, parameters throws(ResponseError) in try connection.why(parameters) },
    "flow/dryRun": { connection, parameters throws(ResponseError) in try connection.dryRun(parameters) },
    "flow/test": { connection, parameters throws(ResponseError) in try connection.test(parameters) },
    "flow/simulate": { connection, parameters throws(ResponseError) in try connection.simulate(parameters) },
    "flow/tokens": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      return .array(
        unit.classifiedTokens.map { token in
          [
            .int(Int64(token.range.lower)), .int(Int64(token.range.upper)), .string(token.class.rawValue),
          ]
        })
    },
    "flow/explain": { connection, parameters throws(ResponseError) in
      guard let code = parameters["code"]?.string, let page = connection.host.page(code) else {
        throw ResponseError(.requestFailed, "there is no page for this code")
      }
      return ["code": .string(code), "markdown": .string(page)]
    },
  ]

  /// The program of a document.
  private mutating func program(_ unit: SourceUnit) throws(ResponseError) -> Program {
    guard let program = workspace.analysis(for: unit.path)?.program else {
      throw ResponseError(.requestFailed, "the program has errors")
    }
    return program
  }

  private func flow(_ parameters: JSON, in program: Program) throws(ResponseError) -> FlowIndex {
    guard let name = parameters["flow"]?.string else {
      if program.flows.isEmpty { throw ResponseError(.requestFailed, "the program declares no flow") }
      return 0
    }
    guard let index = program.flows.firstIndex(where: { $0.name == name }) else {
      throw ResponseError(.requestFailed, "there is no flow `\(name)`")
    }
    return index
  }

  /// A diagram of a flow; the state at `position` is marked.
  private mutating func graph(_ parameters: JSON) throws(ResponseError) -> JSON {
    let unit = try unit(parameters)
    let program = try program(unit)
    let flow = try flow(parameters, in: program)
    var active: [String] = []
    if let offset = positions(unit).offset(parameters["position"]),
      let state = view(unit.path).state(at: offset, in: unit.path), state.flow == program.flows[flow].name
    {
      active = [state.path]
    }
    let format = parameters["format"]?.string ?? "svg"
    let text: String
    switch format {
    case "svg":
      guard let picture = host.svg(dot(program, flow: flow, active: active)) else {
        throw ResponseError(.requestFailed, "`dot` of Graphviz is not installed; ask for `mermaid` or `text`")
      }
      text = picture
    case "mermaid": text = mermaid(program, flow: flow, active: active)
    case "dot": text = dot(program, flow: flow, active: active)
    case "text": text = textDiagram(program, flow: flow, active: active)
    default: throw ResponseError(.invalidParameters, "the formats are `svg`, `mermaid`, `dot` and `text`")
    }
    return ["flow": .string(program.flows[flow].name), "format": .string(format), "text": .string(text)]
  }

  /// The reaction that answers an event in the state at a position, or the reason why none exists.
  private mutating func why(_ parameters: JSON) throws(ResponseError) -> JSON {
    let (unit, offset) = try location(parameters)
    guard let answer = view(unit.path).why(parameters["event"]?.string, at: offset, in: unit.path) else {
      throw ResponseError(.requestFailed, "there is no state here")
    }
    return [
      "flow": .string(answer.flow), "state": .string(answer.state),
      "events": .array(
        answer.events.map {
          ["event": .string($0.event), "treatment": .string($0.treatment), "text": .string($0.text)]
        }),
    ]
  }

  /// The replies of a session to lines such as `-> Paid{amount: 4.0}`, on a virtual clock and without effects.
  private mutating func dryRun(_ parameters: JSON) throws(ResponseError) -> JSON {
    let unit = try unit(parameters)
    guard let lines = parameters["lines"]?.array?.compactMap(\.string) else {
      throw ResponseError(.invalidParameters, "`lines` is missing")
    }
    let open = workspace.open.mapValues(\.text)
    let host = self.host
    var session = Session(
      start: 0, style: .plain, world: SessionEnvironment(load: { open[$0] ?? host.readFile($0) }, page: host.page))
    let loaded = session.feed(":load \(unit.path)")
    if loaded.isError { throw ResponseError(.requestFailed, loaded.text) }
    let replies = lines.map { line in Session.json(session.feed(line), to: line) }
    return ["replies": .array(replies), "prompt": .string(session.prompt)]
  }

  /// Runs the tests of a program, or the one with a name.
  private mutating func test(_ parameters: JSON) throws(ResponseError) -> JSON {
    let unit = try unit(parameters)
    let program = try program(unit)
    let name = parameters["name"]?.string
    let tests = (workspace.analysis(for: unit.path)?.tests ?? []).filter { name == nil || $0.name == name }
    do throws(ProgramError) {
      let runner = try TestRunner(program, style: .plain)
      let reports = tests.map { runner.run($0, tracesPassed: true) }
      return [
        "passed": .int(Int64(reports.filter(\.hasPassed).count)), "count": .int(Int64(reports.count)),
        "text": .string(renderPretty(reports, style: .plain)), "report": renderJSON(reports),
      ]
    } catch {
      throw ResponseError(.requestFailed, error.message)
    }
  }

  /// The findings of random runs of a flow, each with a test that reproduces it, ready to be inserted.
  private mutating func simulate(_ parameters: JSON) throws(ResponseError) -> JSON {
    let unit = try unit(parameters)
    let program = try program(unit)
    let flow = try flow(parameters, in: program)
    let count = min(max(parameters["runs"]?.int ?? 200, 1), 10_000)
    do throws(ProgramError) {
      let report = try Simulation(program, flow: flow).run(
        count: count, seed: UInt64((parameters["seed"]?.int ?? 1).magnitude))
      return simulationResult(report, unit)
    } catch {
      throw ResponseError(.requestFailed, error.message)
    }
  }

  /// The report, with the edit that appends the test of its finding to the document.
  private mutating func simulationResult(_ report: Simulation.Report, _ unit: SourceUnit) -> JSON {
    var members: [JSON.Member] = [
      .init("runs", .int(Int64(report.runs))), .init("steps", .int(Int64(report.steps))),
    ]
    if let finding = report.finding {
      let end = SourceRange(unit.range.upper, unit.range.upper)
      let isTerminated = unit.source.text.last == UInt8(ascii: "\n")
      let edit = TextEdit(Place(file: unit.path, range: end), (isTerminated ? "\n" : "\n\n") + finding.test)
      members += [
        .init("message", .string(finding.message)), .init("test", .string(finding.test)),
        .init("edit", workspaceEdit([edit])),
      ]
    }
    return .object(members)
  }
}
