import FlowCompiler
import FlowJSON
import FlowREPL
import FlowTesting

extension Command {
  static let run = Command(
    name: "run", summary: "Run one instance in the terminal, with events as lines of JSON.", operands: "PATH",
    options: [
      Option(name: "events", value: "FILE", help: "one JSON object a line; `-` or nothing is standard input"),
      Option(name: "input", value: "JSON", help: "call the flow with these arguments before the first line"),
      Option(name: "flow", value: "NAME", help: "which flow of the file; the first one by default"),
      Option(name: "clock", value: "virtual|real", help: "whether time passes by itself; virtual by default"),
      Option(name: "mock", value: "FILE", help: "how calls end by themselves: {\"ship\": {\"result\": …}}"),
      Option(name: "until", value: "EXPR", help: "go on, also from timer to timer, until this holds; else end with 1"),
      Option(name: "trace", value: nil, help: "show the reactions that are taken and the timers as well"),
      Option(name: "keep-going", value: nil, help: "go on after an event that is refused"),
      Option(name: "format", value: "text|json", help: "how to print; json is an object a line"),
    ],
    example: "flow run samples/order.flow --events events.ndjson --until 'paid > 0.0'",
    action: { arguments in
      guard arguments.operands.count == 1 else {
        Terminal.complain("`flow run` takes one file or folder", help: "flow run samples/order.flow")
        return ExitCode.usage
      }
      guard let choices = RunChoices(arguments) else { return ExitCode.usage }
      guard let files = namedFiles(arguments.operands) else { return ExitCode.usage }
      guard let program = compileFiles(files)?.program else { return ExitCode.findings }
      do throws(EventScript.Problem) {
        let script = try EventScript(
          program, flow: arguments.value("flow"), start: currentMilliseconds(), mocks: choices.mocks,
          until: arguments.value("until"))
        var driver = RunDriver(script, choices)
        return try driver.run(input: choices.input)
      } catch {
        Terminal.complain(error.message, help: error.help)
        return error.isInput ? ExitCode.usage : ExitCode.findings
      }
    })
}

/// What the options of `flow run` say.
struct RunChoices {
  var isReal = false
  var isJSON = false
  var trace: StepText.Trace
  var isKeptGoing: Bool
  var mocks: [UInt8]?
  var input: JSON?
  var source: LineSource

  /// Nil when one makes no sense, which has been said then.
  init?(_ arguments: CommandArguments) {
    guard let clock = arguments.choice("clock", of: ["virtual", "real"]),
      let format = arguments.choice("format", of: ["text", "json"])
    else { return nil }
    isReal = clock == "real"
    isJSON = format == "json"
    trace = arguments.has("trace") ? .all : .steps
    isKeptGoing = arguments.has("keep-going")
    if let path = arguments.value("mock") {
      mocks = readFile(path)
      if mocks == nil {
        Terminal.complain("cannot read `\(path)`")
        return nil
      }
    }
    if let text = arguments.value("input") {
      input = try? JSON(parsing: text)
      if input == nil {
        Terminal.complain("`--input` takes a JSON object, not `\(text)`")
        return nil
      }
    }
    let path = arguments.value("events") ?? "-"
    guard let source = LineSource(path) else {
      Terminal.complain("cannot read `\(path)`")
      return nil
    }
    self.source = source
  }
}
