import FlowJSON

extension Command {
  static let config = Command(
    name: "config", group: .tool, summary: "Show the effective settings of flow.toml and the environment.",
    operands: "show [PATH]", completion: .words(["show"]), options: [ConfigOptions.origin, ConfigOptions.format],
    example: "flow config show --origin",
    action: { arguments throws(UsageError) in
      guard arguments.operands.first == "show", arguments.operands.count <= 2 else {
        throw UsageError("`flow config` requires the operation `show`", help: "flow config show --origin")
      }
      let path = arguments.operands.count > 1 ? arguments.operands[1] : "."
      let values = try EffectiveSetting.all(for: path)
      if arguments[ConfigOptions.format] == .json {
        Terminal.output(JSON.array(values.map(\.json)).text(.indented) + "\n")
        return ExitCode.success
      }
      for value in values {
        Terminal.output(
          value.name + " = " + value.text + (arguments[ConfigOptions.origin] ? "  # \(value.origin)" : "") + "\n")
      }
      return ExitCode.success
    })
}

private enum ConfigOptions {
  static let origin = Option.flag(
    "origin", help: "print the origin of each value: a file, the environment, or the default")
  static let format = Option.choice("format", short: "f", default: TextFormat.text, help: "output format")
}

/// A setting with its value and the origin of the value.
struct EffectiveSetting {
  var name: String
  /// The value as TOML, or the default in words.
  var text: String
  var origin: String

  var json: JSON { ["name": .string(name), "value": .string(text), "origin": .string(origin)] }

  /// The settings that apply to a path.
  /// - Throws: `UsageError` when `flow.toml` is not valid.
  static func all(for path: String) throws(UsageError) -> [EffectiveSetting] {
    _ = try Configuration.load(for: path)
    let file = try Configuration.document(for: path)
    let given = file.map { flattened($0.json, path: "").map { ($0, $1, file?.path ?? "") } } ?? []
    var settings = given.map { EffectiveSetting(name: $0.0, text: $0.1.text(), origin: $0.2) }
    for setting in ConfigurationSetting.all where !setting.name.contains(/[A-Z]/) {
      guard !settings.contains(where: { $0.name == setting.name }) else { continue }
      settings.append(.init(name: setting.name, text: setting.defaultText, origin: "default"))
    }
    settings.sort { $0.name < $1.name }
    for variable in EnvironmentVariable.all {
      guard let value = Terminal.variable(variable.name) else { continue }
      settings.append(.init(name: variable.name, text: variable.isSecret ? "(set)" : value, origin: "environment"))
    }
    return settings
  }

  private static func flattened(_ json: JSON, path: String) -> [(String, JSON)] {
    (json.members ?? []).flatMap { member -> [(String, JSON)] in
      let isPlain = member.name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
      let name = path + (isPlain ? member.name : "\"\(member.name)\"")
      return member.value.members == nil ? [(name, member.value)] : flattened(member.value, path: name + ".")
    }
  }
}
