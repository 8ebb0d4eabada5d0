extension Command {
  static let man = Command(
    name: "man", group: .tool, summary: "Print the manual page of the tool or of a command.",
    operands: "[COMMAND]", completion: .commands, options: [ManualOptions.output, ManualOptions.format],
    example: "flow man serve | man -l -",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count <= 1 else { throw UsageError("`flow man` accepts one command") }
      if arguments[ManualOptions.format] == .markdown {
        Terminal.output(CommandReference.markdown)
        return ExitCode.success
      }
      if let folder = arguments[ManualOptions.output] { return try writeAll(to: folder) }
      guard let name = arguments.operands.first else {
        Terminal.output(ManualPage.overview)
        return ExitCode.success
      }
      guard let command = FlowCommandLine.command(named: name) else { throw UsageError("unknown command `\(name)`") }
      Terminal.output(ManualPage.page(of: command))
      return ExitCode.success
    })

  private static func writeAll(to folder: String) throws(UsageError) -> Int32 {
    guard isFolder(folder) else { throw UsageError("`\(folder)` is not a folder") }
    let pages =
      [("flow.1", ManualPage.overview), ("flow.toml.5", ManualPage.configuration)]
      + FlowCommandLine.commands.map { ("flow-\($0.name).1", ManualPage.page(of: $0)) }
    for (name, text) in pages where !writeFile("\(folder)/\(name)", Array(text.utf8)) {
      throw UsageError("cannot write `\(folder)/\(name)`")
    }
    return ExitCode.success
  }
}

/// The options of `flow man`.
private enum ManualOptions {
  enum Format: String, CaseIterable { case man, markdown }

  static let output = Option.text(
    "output", "DIR", short: "o", help: "write the pages of all commands to this folder", completion: .folders)
  static let format = Option.choice(
    "format", short: "f", default: Format.man, help: "output format; markdown prints the reference of all commands")
}

/// Manual pages in the format of man(7), made from the table of commands.
enum ManualPage {
  /// The page flow(1).
  static var overview: String {
    let sections = Command.Group.allCases.map { group in
      ".SS \(escaped(group.rawValue))\n"
        + FlowCommandLine.commands.filter { $0.group == group }
        .map { item("flow-\($0.name)", section: 1, text: $0.summary) }.joined()
    }
    return head("flow", section: 1) + """
      .SH NAME
      flow \\- workflow language and engine
      .SH SYNOPSIS
      .B flow
      .I COMMAND
      .RI [ ARGUMENTS ]
      .RI [ OPTIONS ]
      .SH DESCRIPTION
      Flow is a workflow language and the engine that runs it. A \\fB.flow\\fR file describes events, states, guards,
      timers and calls; the tool checks, tests, simulates and serves it, with a durable store.
      .SH COMMANDS
      \(sections.joined())\
      .SH ENVIRONMENT
      \(EnvironmentVariable.all.map { tagged("\\fB\($0.name)\\fR", escaped($0.help)) }.joined())\
      \(exitStatus)\
      .SH SEE ALSO
      .BR flow.toml (5)

      """
  }

  /// The page of a command, such as flow-serve(1).
  static func page(of command: Command) -> String {
    let forms = command.synopsis.map { form in
      ".B \(escaped(form.split(separator: " ").prefix(2).joined(separator: " ")))\n"
        + form.split(separator: " ").dropFirst(2).map { "\(escaped(String($0)))\n" }.joined()
    }
    let prose =
      command.discussion.isEmpty
      ? escaped(command.summary)
      : "\(escaped(command.summary))\n.PP\n.nf\n\(escaped(command.discussion))\n.fi"
    let options = command.options.map { tagged("\\fB\(escaped($0.signature))\\fR", escaped($0.description)) }
    return head("flow-\(command.name)", section: 1) + """
      .SH NAME
      flow\\-\(command.name) \\- \(escaped(nameLine(of: command)))
      .SH SYNOPSIS
      \(forms.joined(separator: ".br\n"))\
      .SH DESCRIPTION
      \(prose)
      .SH OPTIONS
      \(options.joined())\(tagged("\\fB\\-h, \\-\\-help\\fR", "show the help"))\
      .SH EXAMPLES
      .nf
      \(escaped(command.example))
      .fi
      \(exitStatus)\
      .SH SEE ALSO
      .BR flow (1)

      """
  }

  /// The page flow.toml(5).
  static var configuration: String {
    head("flow.toml", section: 5) + """
      .SH NAME
      flow.toml \\- configuration of flow
      .SH DESCRIPTION
      The file \\fBflow.toml\\fR is searched for in the folder of the first path of a command, then in each parent
      folder. Options of the command line take precedence over the file.
      .SH SETTINGS
      \(ConfigurationSetting.all.map { setting in
        tagged("\\fB\(escaped(setting.name))\\fR = \(escaped(setting.form))", escaped(setting.description))
      }.joined())\
      .SH EXAMPLES
      .nf
      \(escaped(ConfigurationSetting.example))
      .fi
      .SH SEE ALSO
      .BR flow (1)

      """
  }

  /// The summary as the line NAME of a manual page: lower case, and without a full stop.
  private static func nameLine(of command: Command) -> String {
    let text = command.summary.hasSuffix(".") ? String(command.summary.dropLast()) : command.summary
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  private static func head(_ name: String, section: Int) -> String {
    let release = "\(FlowCommandLine.releaseDate) \"flow \(FlowCommandLine.version)\""
    return ".TH \(escaped(name.uppercased())) \(section) \(release) \"Flow\"\n"
  }

  private static func item(_ name: String, section: Int, text: String) -> String {
    ".TP\n.BR \(escaped(name)) (\(section))\n\(escaped(text))\n"
  }

  private static func tagged(_ tag: String, _ text: String) -> String { ".TP\n\(tag)\n\(text)\n" }

  private static let exitStatus = """
    .SH EXIT STATUS
    0 for success, 1 for findings or a failed run, 2 for a usage or input error.

    """

  /// Text with the characters escaped that roff treats specially.
  private static func escaped(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let plain = line.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("…", with: "...")
        .replacing("~", with: "\\(ti").replacing("`", with: "")
      return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }.joined(separator: "\n")
  }
}
