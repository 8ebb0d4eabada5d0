import FlowActions
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
      let optional = ["AMQP": Binding.Kind.publish, "Redis": .redis, "Postgres": .sql]
      let features = optional.filter { BindingRunner.missingTrait(for: $0.value) == nil }.keys.sorted()
      let document: JSON = [
        "name": "flow", "version": .string(FlowCommandLine.version), "released": .string(FlowCommandLine.releaseDate),
        "ir": .int(Int64(Program.format)), "api": "v1", "features": .array(features.map { .string($0) }),
      ]
      Terminal.output(document.text(.indented) + "\n")
      return ExitCode.success
    })
}

private enum VersionOptions {
  static let json = Option.flag(
    "json", help: "print a JSON object with the versions of the IR and the API, and the features")
}
