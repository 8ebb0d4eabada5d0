// The texts of `--help`.
extension Command {
  /// The forms of the command, one a line.
  var synopsis: [String] {
    let forms = operands.split(separator: "\n").map(String.init)
    let suffix = options.isEmpty ? "" : " [OPTIONS]"
    return (forms.isEmpty ? [""] : forms).map { form in
      ["flow", name, form].filter { !$0.isEmpty }.joined(separator: " ") + suffix
    }
  }

  /// The text of `flow COMMAND --help`.
  var help: String {
    let forms = synopsis.joined(separator: "\n       ")
    let prose = discussion.isEmpty ? "" : "\n\(discussion)\n"
    return """
      \(summary)
      \(prose)
      usage: \(forms)

      options:
      \(optionLines)

      example: \(example)

      """
  }

  private var optionLines: String {
    let rows = options.map { ($0.signature, $0.description) } + [("-h, --help", "show this help")]
    // A long signature has its description on the next line, so that the column stays readable.
    let width = rows.map(\.0.count).filter { $0 <= Command.widestSignature }.max() ?? 0
    return rows.map { signature, text in
      let indented = signature.hasPrefix("--") ? "    " + signature : signature
      let isShort = indented.count <= width + 4
      let padding =
        isShort
        ? String(repeating: " ", count: width + 6 - indented.count) : "\n" + String(repeating: " ", count: width + 8)
      return "  \(indented)\(padding)\(text)"
    }.joined(separator: "\n")
  }

  private static let widestSignature = 34
}

/// The text of `flow --help`.
func overview(of commands: [Command], version: String) -> String {
  let width = commands.map(\.name.count).max() ?? 0
  let sections = Command.Group.allCases.map { group in
    let lines = commands.filter { $0.group == group }.map { command in
      "  \(command.name)\(String(repeating: " ", count: width - command.name.count + 2))\(command.summary)"
    }
    return "\(group.rawValue):\n\(lines.joined(separator: "\n"))"
  }
  return """
    flow \(version): the Flow workflow language and engine

    usage: flow COMMAND [ARGUMENTS] [OPTIONS]

    \(sections.joined(separator: "\n\n"))

    Run `flow COMMAND --help` for the options of a command.
    Exit codes: 0 success, 1 findings or a failed run, 2 usage or input error.

    """
}
