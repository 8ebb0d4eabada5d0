import FlowCompiler
import FlowMachine
import FlowREPL
import FlowSource

extension Command {
  static let run = Command(
    name: "run", summary: "Run one instance in the terminal on a virtual clock.", operands: "FILE",
    options: [
      Option(name: "events", value: "FILE", help: "one JSON object a line; `-` or nothing is standard input"),
      Option(name: "flow", value: "NAME", help: "which flow of the file; the first one by default"),
    ],
    example: "flow run samples/order.flow --events events.ndjson",
    action: { arguments in
      guard arguments.operands.count == 1 else {
        Terminal.complain("`flow run` takes one file")
        return ExitCode.usage
      }
      guard let program = compileForUse(arguments.operands)?.program else { return ExitCode.findings }
      guard let events = readFile(arguments.value("events") ?? "-") else {
        Terminal.complain("cannot read `\(arguments.value("events") ?? "-")`")
        return ExitCode.usage
      }
      let script = EventScript(style: Terminal.outputStyle, start: currentMilliseconds())
      do throws(EventScript.Problem) {
        let ending = try script.run(
          program, flow: arguments.value("flow"), lines: events, report: { Terminal.output($0 + "\n") })
        return ending == .failed ? ExitCode.findings : ExitCode.fine
      } catch {
        Terminal.complain(error.message, help: error.help)
        return error.isInput ? ExitCode.usage : ExitCode.findings
      }
    })
}
