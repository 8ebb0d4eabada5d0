import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowVerify
import Glibc

extension Command {
  static let verify = Command(
    name: "verify", group: .run,
    summary: "Prove the properties of a flow, or show a run that breaks them.",
    discussion: """
      Every property gets one of three verdicts. A proved one holds in every run. For a broken one there is a run, \
      printed as a test. An unknown one comes with the reason.

      The exit code is 1 when a property is broken, and with `--strict` also when one is unknown or something of the \
      flow is never used.
      """,
    operands: "PATH", completion: .flowFiles,
    options: VerifyOptions.all,
    example: "flow verify samples/order.flow",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else { throw UsageError("`flow verify` requires one file or folder") }
      let files = try namedFiles(arguments.operands)
      guard let programs = compileFiles(files)?.map(\.program) else { return ExitCode.findings }
      let flows = try selectedFlows(arguments[VerifyOptions.flow], of: programs)
      let solver = try solver(arguments[VerifyOptions.solver])
      var reports: [VerificationReport] = []
      if arguments[VerifyOptions.together] {
        reports = try together(programs, arguments)
        show(reports, arguments[VerifyOptions.format])
        return exitCode(reports, isStrict: arguments[VerifyOptions.strict])
      }
      for (program, flow) in flows {
        let deadline = Deadline(seconds: arguments[VerifyOptions.time])
        do throws(ProgramError) {
          let verification = try Verification(
            program, flow: flow, maximumSituations: arguments[VerifyOptions.situations], solver: solver)
          reports.append(verification.run(isGivenUp: { deadline.isOver }))
        } catch {
          Terminal.error(error.message)
          return ExitCode.findings
        }
      }
      show(reports, arguments[VerifyOptions.format])
      return exitCode(reports, isStrict: arguments[VerifyOptions.strict])
    })

  /// The flows to verify: the named one, or all flows of all programs.
  /// - Throws: `UsageError` when no program has a flow of that name.
  private static func selectedFlows(
    _ name: String?, of programs: [Program]
  ) throws(UsageError) -> [(Program, FlowIndex)] {
    guard let name else { return programs.flatMap { program in program.flows.indices.map { (program, $0) } } }
    let program = programs.first { $0.flows.contains { $0.name == name } } ?? programs[0]
    return [(program, try flowIndex(named: name, in: program))]
  }

  /// Verifies the flows that reach each other: all groups, or the one of the named flow.
  /// - Throws: `UsageError` when no flow of the files reaches another.
  private static func together(
    _ programs: [Program], _ arguments: CommandArguments
  ) throws(UsageError) -> [VerificationReport] {
    var reports: [VerificationReport] = []
    let name = arguments[VerifyOptions.flow]
    for program in programs {
      for group in GroupVerification.groups(of: program)
      where name == nil || group.contains(where: { program.flows[$0].name == name }) {
        let deadline = Deadline(seconds: arguments[VerifyOptions.time])
        guard
          let verification = try? GroupVerification(
            program, flows: group, maximumSituations: arguments[VerifyOptions.situations])
        else { continue }
        reports += verification.run(isGivenUp: { deadline.isOver })
      }
    }
    if reports.isEmpty { throw UsageError("no flow sends events to another one, or calls another one") }
    return reports
  }

  /// The solver that is asked; nil when none is wanted, or none is installed.
  /// - Throws: `UsageError` when a solver that was named is not there.
  private static func solver(_ name: String?) throws(UsageError) -> SolverProcess? {
    if name == "none" { return nil }
    // A solver that has ended is noticed by the result of the write.
    signal(SIGPIPE, SIG_IGN)
    let found = SolverProcess.find(name)
    if found == nil, let name { throw UsageError("there is no solver `\(name)`", help: "apt install z3") }
    return found
  }

  private static func show(_ reports: [VerificationReport], _ format: VerifyOptions.Format) {
    switch format {
    case .pretty: Terminal.output(renderVerification(reports, style: Terminal.outputStyle))
    case .json: Terminal.output(JSON.array(reports.map(\.json)).text(.indented) + "\n")
    case .sarif: Terminal.output(renderSARIF(reports, version: FlowCommandLine.version).text(.indented) + "\n")
    }
  }

  private static func exitCode(_ reports: [VerificationReport], isStrict: Bool) -> Int32 {
    if reports.contains(where: { $0.hasCounterExample(of: .error) }) { return ExitCode.findings }
    guard isStrict else { return ExitCode.success }
    let isOpen = reports.contains { $0.hasUnknown || $0.hasCounterExample(of: .warning) }
    return isOpen ? ExitCode.findings : ExitCode.success
  }
}

/// An instant after which a search ends.
private struct Deadline {
  private let nanoseconds: UInt64

  init(seconds: Int) { nanoseconds = Deadline.now + UInt64(seconds) * 1_000_000_000 }

  var isOver: Bool { Deadline.now > nanoseconds }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// The options of `flow verify`.
private enum VerifyOptions {
  enum Format: String, CaseIterable { case pretty, json, sarif }

  static let flow = Option.text("flow", "NAME", help: "flow to verify", default: "all of the file", completion: .flows)
  static let situations = Option.number(
    "situations", "N", in: 1...50_000_000, default: Verification.usualSituations,
    help: "number of situations of one flow after which the search ends")
  static let time = Option.number(
    "time", "SECONDS", in: 1...86_400, default: 30, help: "time for one flow, after which the rest is unknown")
  static let solver = Option.text(
    "solver", "PROGRAM", help: "program that decides what exploration leaves open; `none` for no solver",
    default: "z3 or cvc5, when installed")
  static let together = Option.flag(
    "together", help: "verify flows that emit to or call each other together, one instance of each")
  static let strict = Option.flag("strict", help: "also fail on unknown verdicts and on parts that are never used")
  static let format = Option.choice("format", short: "f", default: Format.pretty, help: "report format")

  static let all: [any CommandOption] = [flow, together, situations, time, solver, strict, format]
}
