import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowTesting

extension Command {
  static let simulate = Command(
    name: "simulate", group: .run,
    summary: "Run a flow with random events and results, and report violated invariants.", operands: "PATH",
    completion: .flowFiles,
    options: [SimulateOptions.runs, SimulateOptions.seed, SimulateOptions.flow, SimulateOptions.format],
    example: "flow simulate samples/order.flow --runs 10000",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else { throw UsageError("`flow simulate` requires one file or folder") }
      let files = try namedFiles(arguments.operands)
      var flows: [SimulatedFlow] = []
      if let name = arguments[SimulateOptions.flow] {
        guard let program = compileFiles(files, with: name) else { return ExitCode.findings }
        flows.append(SimulatedFlow(program: program, flow: try flowIndex(named: name, in: program)))
      } else {
        guard let programs = compileFiles(files) else { return ExitCode.findings }
        for program in programs.map(\.program) {
          flows += program.flows.indices.map { SimulatedFlow(program: program, flow: $0) }
        }
      }
      return simulate(
        flows, runs: arguments[SimulateOptions.runs], seed: arguments[SimulateOptions.seed],
        isJSON: arguments[SimulateOptions.format] == .json)
    })

  /// A flow to simulate, with its program.
  private struct SimulatedFlow {
    let program: Program
    let flow: FlowIndex
  }

  private static func simulate(_ flows: [SimulatedFlow], runs: Int, seed: UInt64, isJSON: Bool) -> Int32 {
    var documents: [JSON] = []
    var code = ExitCode.success
    for (program, flow) in flows.map({ ($0.program, $0.flow) }) {
      do throws(ProgramError) {
        let report = try Simulation(program, flow: flow).run(count: runs, seed: seed)
        if report.finding != nil { code = ExitCode.findings }
        if isJSON {
          documents.append(json(report, flow: program.flows[flow].name))
        } else {
          show(report, program: program, flow: flow)
        }
      } catch {
        Terminal.error(error.message)
        return ExitCode.findings
      }
    }
    if isJSON { Terminal.output(JSON.array(documents).text(.indented) + "\n") }
    return code
  }

  private static func show(_ report: Simulation.Report, program: Program, flow: FlowIndex) {
    let style = Terminal.outputStyle
    let name = program.flows[flow].name
    let count = "\(report.runs) runs, \(report.steps) steps"
    guard let finding = report.finding else {
      let unreached = program.flows[flow].states.indices.dropFirst().filter {
        !report.coverage.states[flow].contains($0)
      }
      Terminal.output("\(style.paint("✓", .green)) \(name): \(count)\n")
      for state in unreached { Terminal.output("  never reached: `\(program.flows[flow].states[state].path)`\n") }
      return
    }
    Terminal.output("\(style.paint("✗", .red)) \(name): \(finding.message)\n")
    Terminal.output("  after \(count); shortest sequence found, seed \(finding.seed):\n\n\(finding.test)")
  }

  private static func json(_ report: Simulation.Report, flow: String) -> JSON {
    [
      "flow": .string(flow), "runs": .int(Int64(report.runs)), "steps": .int(Int64(report.steps)),
      "finding": report.finding.map { finding in
        [
          "message": .string(finding.message), "test": .string(finding.test), "moves": .int(Int64(finding.moves)),
          "seed": .string("\(finding.seed)"),
        ]
      } ?? .null,
    ]
  }
}

/// The options of `flow simulate`.
private enum SimulateOptions {
  static let runs = Option.number("runs", "N", in: 1...Int.max, default: 1000, help: "number of runs")
  static let seed = Option.number(
    "seed", "N", in: UInt64.min...UInt64.max, default: UInt64(1),
    help: "seed of the random numbers; equal seeds give equal runs")
  static let flow = Option.text(
    "flow", "NAME", help: "flow to simulate", default: "all of the file", completion: .flows)
  static let format = Option.choice("format", short: "f", default: TextFormat.text, help: "output format")
}
