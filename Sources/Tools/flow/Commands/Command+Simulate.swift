import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowTesting

extension Command {
  static let simulate = Command(
    name: "simulate", summary: "Run a flow with random events and answers, and look for what should not be.",
    operands: "PATH",
    options: [
      Option(name: "runs", value: "N", help: "how many runs; 1000 by default"),
      Option(name: "seed", value: "S", help: "the same number gives the same runs; 1 by default"),
      Option(name: "flow", value: "NAME", help: "which flow of the file; all by default"),
      Option(name: "format", value: "text|json", help: "how to report"),
    ],
    example: "flow simulate samples/order.flow --runs 10000",
    action: { arguments in
      guard arguments.operands.count == 1 else {
        Terminal.complain("`flow simulate` takes one file or folder")
        return ExitCode.usage
      }
      guard let format = arguments.choice("format", of: ["text", "json"]) else { return ExitCode.usage }
      guard let runs = Int(arguments.value("runs") ?? "1000"), runs > 0,
        let seed = UInt64(arguments.value("seed") ?? "1")
      else {
        Terminal.complain("`--runs` and `--seed` take whole numbers")
        return ExitCode.usage
      }
      guard let files = namedFiles(arguments.operands) else { return ExitCode.usage }
      guard let program = compileFiles(files)?.program else { return ExitCode.findings }
      let wanted = program.flows.indices.filter {
        arguments.value("flow") ?? program.flows[$0].name == program.flows[$0].name
      }
      guard !wanted.isEmpty else {
        Terminal.complain("there is no flow `\(arguments.value("flow") ?? "")`")
        return ExitCode.usage
      }
      return simulate(program, wanted, runs: runs, seed: seed, isJSON: format == "json")
    })

  private static func simulate(
    _ program: Program, _ flows: [FlowIndex], runs: Int, seed: UInt64, isJSON: Bool
  ) -> Int32 {
    var documents: [JSON] = []
    var code = ExitCode.fine
    for flow in flows {
      do throws(ProgramError) {
        let report = try Simulation(program, flow: flow).run(count: runs, seed: seed)
        if report.finding != nil { code = ExitCode.findings }
        if isJSON { documents.append(json(report, program.flows[flow])) } else { show(report, program, flow) }
      } catch {
        Terminal.complain(error.message)
        return ExitCode.findings
      }
    }
    if isJSON { Terminal.output(JSON.array(documents).text(.indented) + "\n") }
    return code
  }

  private static func show(_ report: Simulation.Report, _ program: Program, _ flow: FlowIndex) {
    let style = Terminal.outputStyle
    let name = program.flows[flow].name
    let count = "\(report.runs) runs, \(report.steps) steps"
    guard let finding = report.finding else {
      let unreached = program.flows[flow].states.indices.dropFirst().filter {
        !report.coverage.states[flow].contains($0)
      }
      Terminal.output("\(style.paint("✓", .green)) \(name): \(count)\n")
      for state in unreached { Terminal.output("  never in `\(program.flows[flow].states[state].path)`\n") }
      return
    }
    Terminal.output("\(style.paint("✗", .red)) \(name): \(finding.message)\n")
    Terminal.output("  after \(count); the shortest way found, seed \(finding.seed):\n\n\(finding.test)")
  }

  private static func json(_ report: Simulation.Report, _ flow: FlowIR.Flow) -> JSON {
    [
      "flow": .string(flow.name), "runs": .int(Int64(report.runs)), "steps": .int(Int64(report.steps)),
      "finding": report.finding.map { finding in
        [
          "message": .string(finding.message), "test": .string(finding.test), "moves": .int(Int64(finding.moves)),
          "seed": .string("\(finding.seed)"),
        ]
      } ?? .null,
    ]
  }
}
