import FlowCompiler
import FlowIR
import FlowJSON

extension Command {
  static let compile = Command(
    name: "compile", group: .develop, summary: "Compile flows to the IR, one canonical JSON document.",
    operands: "PATH…", completion: .flowFiles, options: [CompileOptions.output],
    example: "flow compile samples/order.flow -o order.ir.json",
    action: { arguments throws(UsageError) in
      guard !arguments.operands.isEmpty else { throw UsageError("`flow compile` requires files or folders") }
      let files = try namedFiles(arguments.operands)
      guard let programs = compileFiles(files)?.map(\.program) else { return ExitCode.findings }
      guard let program = programs.first, programs.count == 1 else {
        throw UsageError(
          "the files form \(programs.count) programs, and an IR file holds one",
          help: "compile each by itself, or import them into one file")
      }
      let text = program.json.bytes(.canonical) + [0x0A]
      guard let path = arguments[CompileOptions.output], path != "-" else {
        Terminal.output(String(decoding: text, as: UTF8.self))
        return ExitCode.success
      }
      guard writeFile(path, text) else { throw UsageError("cannot write `\(path)`") }
      Terminal.errorOutput("wrote \(path), \(program.flows.count) flows, hash \(program.hash)\n")
      return ExitCode.success
    })
}

private enum CompileOptions {
  static let output = Option.text(
    "output", "FILE", short: "o", help: "output file", default: "standard output", completion: .files)
}
