import FlowCompiler
import FlowIR
import FlowJSON

extension Command {
  static let compile = Command(
    name: "compile", summary: "Compile flows to the IR, one canonical JSON file.", operands: "PATH…",
    options: [Option(name: "output", value: "OUT", help: "where to write; `-` or nothing is standard output")],
    example: "flow compile samples/order.flow -o order.ir.json",
    action: { arguments in
      guard !arguments.operands.isEmpty else {
        Terminal.complain("`flow compile` takes files and folders")
        return ExitCode.usage
      }
      guard let files = namedFiles(arguments.operands) else { return ExitCode.usage }
      guard let program = compileFiles(files)?.program else { return ExitCode.findings }
      let text = program.json.bytes(.canonical) + [0x0A]
      let path = arguments.value("output") ?? "-"
      if path == "-" {
        Terminal.output(String(decoding: text, as: UTF8.self))
      } else if writeFile(path, text) {
        Terminal.error("wrote \(path), \(program.flows.count) flows, hash \(program.hash)\n")
      } else {
        Terminal.complain("cannot write `\(path)`")
        return ExitCode.usage
      }
      return ExitCode.fine
    })
}
