import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting

extension Command {
  static let simulate = Command(
    name: "simulate", group: .run,
    summary: "Run flows with random events and results, and report violated invariants.", operands: "PATH",
    completion: .flowFiles,
    options: [SimulateOptions.runs, SimulateOptions.seed, SimulateOptions.flow, SimulateOptions.format],
    example: "flow simulate samples/order.flow --runs 10000",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else { throw UsageError("`flow simulate` requires one file or folder") }
      let files = try namedFiles(arguments.operands)
      var flows: [SimulatedFlows] = []
      if let name = arguments[SimulateOptions.flow] {
        guard let program = compileFiles(files, with: name) else { return ExitCode.findings }
        flows.append(SimulatedFlows(program: program, flows: [try flowIndex(named: name, in: program)]))
      } else {
        guard let programs = compileFiles(files) else { return ExitCode.findings }
        for program in programs.map(\.program) {
          flows += program.flows.indices.map { SimulatedFlows(program: program, flows: [$0]) }
          flows += GroupSimulation.groups(of: program).map { SimulatedFlows(program: program, flows: $0) }
        }
      }
      return simulate(
        flows, runs: arguments[SimulateOptions.runs], seed: arguments[SimulateOptions.seed],
        isJSON: arguments[SimulateOptions.format] == .json)
    })

  /// A flow to simulate, or several that run together, with their program.
  private struct SimulatedFlows {
    let program: Program
    let flows: [FlowIndex]

    var names: [String] { flows.map { program.flows[$0].name } }

    func run(count: Int, seed: UInt64) throws(ProgramError) -> Simulation.Report {
      if flows.count == 1 { return try Simulation(program, flow: flows[0]).run(count: count, seed: seed) }
      return try GroupSimulation(program, flows: flows).run(count: count, seed: seed)
    }
  }

  private static func simulate(_ simulated: [SimulatedFlows], runs: Int, seed: UInt64, isJSON: Bool) -> Int32 {
    var documents: [JSON] = []
    var code = ExitCode.success
    for flows in simulated {
      do throws(ProgramError) {
        let report = try flows.run(count: runs, seed: seed)
        if report.finding != nil { code = ExitCode.findings }
        if isJSON { documents.append(json(report, flows)) } else { show(report, flows) }
      } catch {
        Terminal.error(error.message)
        return ExitCode.findings
      }
    }
    if isJSON { Terminal.output(JSON.array(documents).text(.indented) + "\n") }
    return code
  }

  private static func number(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private static func show(_ report: Simulation.Report, _ simulated: SimulatedFlows) {
    let style = Terminal.outputStyle
    let name = simulated.names.joined(separator: ", ") + (simulated.flows.count > 1 ? " together" : "")
    let count = "\(number(report.runs, "run")), \(number(report.steps, "step"))"
    guard let finding = report.finding else {
      Terminal.output("\(style.paint("✓", .green)) \(name): \(count)\n")
      for flow in simulated.flows {
        let states = simulated.program.flows[flow].states
        let owner = simulated.flows.count > 1 ? " of \(simulated.program.flows[flow].name)" : ""
        for state in states.indices.dropFirst() where !report.coverage.states[flow].contains(state) {
          Terminal.output("  never reached: `\(states[state].path)`\(owner)\n")
        }
      }
      return
    }
    Terminal.output("\(style.paint("✗", .red)) \(name): \(finding.message)\n")
    Terminal.output("  after \(count); shortest sequence found, seed \(finding.seed):\n\n\(finding.test)")
  }

  private static func json(_ report: Simulation.Report, _ simulated: SimulatedFlows) -> JSON {
    let name: JSON.Member =
      simulated.flows.count == 1
      ? .init("flow", .string(simulated.names[0])) : .init("flows", .array(simulated.names.map { .string($0) }))
    let members: JSON = [
      "runs": .int(Int64(report.runs)), "steps": .int(Int64(report.steps)),
      "finding": report.finding.map { finding in
        [
          "message": .string(finding.message), "test": .string(finding.test), "moves": .int(Int64(finding.moves)),
          "seed": .string("\(finding.seed)"),
        ]
      } ?? .null,
    ]
    return .object([name] + (members.members ?? []))
  }
}

/// The options of `flow simulate`.
private enum SimulateOptions {
  static let runs = Option.number("runs", "N", in: 1...Int.max, default: 1000, help: "number of runs")
  static let seed = Option.number(
    "seed", "N", in: UInt64.min...UInt64.max, default: UInt64(1),
    help: "seed of the random numbers; equal seeds give equal runs")
  static let flow = Option.text(
    "flow", "NAME", help: "flow to simulate", default: "all, and together those that reach each other",
    completion: .flows)
  static let format = Option.choice("format", short: "f", default: TextFormat.text, help: "output format")
}
