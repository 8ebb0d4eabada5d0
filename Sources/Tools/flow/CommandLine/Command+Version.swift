import FlowIR
import FlowJSON

extension Command {
  static let version = Command(
    name: "version", group: .tool, summary: "Print the version of the tool and of its formats.",
    options: [VersionOptions.json], example: "flow version --json",
    action: { arguments throws(UsageError) in
      guard arguments[VersionOptions.json] else {
        Terminal.output("flow \(FlowCommandLine.version)\n")
        return ExitCode.success
      }
      let document: JSON = [
        "name": "flow", "version": .string(FlowCommandLine.version), "released": .string(FlowCommandLine.releaseDate),
        "ir": .int(Int64(Program.format)), "api": "v1",
      ]
      Terminal.output(document.text(.indented) + "\n")
      return ExitCode.success
    })
}

private enum VersionOptions {
  static let json = Option.flag(
    "json", help: "print a JSON object with the versions of the IR and the API")
}
