import FlowCompiler
import FlowJSON
import FlowREPL
import FlowTesting

extension Command {
  static let run = Command(
    name: "run", group: .run, summary: "Run one instance in the terminal, with events as JSON lines.",
    operands: "PATH", completion: .flowFiles, options: RunOptions.all,
    example: "flow run samples/order.flow --events events.ndjson --until 'paid > 0.0'",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else {
        throw UsageError("`flow run` requires one file or folder", help: "flow run samples/order.flow")
      }
      let options = try RunOptions(arguments)
      let files = try namedFiles(arguments.operands)
      guard let program = compileFiles(files, with: options.flow) else { return ExitCode.findings }
      do throws(EventScript.Problem) {
        let script = try EventScript(
          program, flow: options.flow, start: currentMilliseconds(), mocks: options.mocks, until: options.goal)
        var driver = RunDriver(script, options)
        return try driver.run(input: options.input)
      } catch {
        Terminal.error(error.message, help: error.help)
        return error.isInput ? ExitCode.usage : ExitCode.findings
      }
    })
}

/// The options of `flow run`, and their values.
struct RunOptions {
  enum Clock: String, CaseIterable { case virtual, real }

  private static let events = Option.text(
    "events", "FILE", help: "events, one JSON object per line", default: "standard input", completion: .files)
  private static let input = Option.text("input", "JSON", help: "arguments of a flow with parameters, as an object")
  private static let flow = Option.text(
    "flow", "NAME", help: "flow to run", default: "the first of the file", completion: .flows)
  private static let clock = Option.choice(
    "clock", default: Clock.virtual, help: "whether time advances by events only or by the system clock")
  private static let mock = Option.text(
    "mock", "FILE", help: "results of calls, as {\"ship\": {\"result\": …}}", completion: .files)
  private static let until = Option.text(
    "until", "CEL",
    help: "stop when this expression becomes true, firing timers as needed; exit with 1 if it never does")
  private static let trace = Option.flag("trace", help: "also print the selected transitions and the timers")
  private static let keepGoing = Option.flag("keep-going", help: "continue after a refused event")
  private static let format = Option.choice(
    "format", short: "f", default: TextFormat.text, help: "output format; json prints one object per line")

  static let all: [any CommandOption] = [events, input, flow, clock, mock, until, trace, keepGoing, format]

  let isReal: Bool
  let isJSON: Bool
  let trace: StepText.Trace
  let keepsGoing: Bool
  let flow: String?
  let goal: String?
  private(set) var mocks: [UInt8]?
  private(set) var input: JSON?
  let source: LineSource

  /// - Throws: `UsageError` for a file that can't be read, or an input that is not JSON.
  init(_ arguments: CommandArguments) throws(UsageError) {
    isReal = arguments[RunOptions.clock] == .real
    isJSON = arguments[RunOptions.format] == .json
    trace = arguments[RunOptions.trace] ? .all : .steps
    keepsGoing = arguments[RunOptions.keepGoing]
    flow = arguments[RunOptions.flow]
    goal = arguments[RunOptions.until]
    if let path = arguments[RunOptions.mock] {
      mocks = readFile(path)
      if mocks == nil { throw UsageError("cannot read `\(path)`") }
    }
    if let text = arguments[RunOptions.input] {
      input = try? JSON(parsing: text)
      if input == nil { throw UsageError("`--input` must be a JSON object, not `\(text)`") }
    }
    let path = arguments[RunOptions.events] ?? "-"
    guard let source = LineSource(path) else { throw UsageError("cannot read `\(path)`") }
    self.source = source
  }
}
