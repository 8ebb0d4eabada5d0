/// One command: what it is called, what it takes, what it does. Help is made from this.
struct Command: Sendable {
  struct Option: Sendable {
    var name: String
    /// What stands for its value in the help; nil for a flag.
    var value: String?
    var help: String
    /// A letter that means it; without one, its first letter does when no other option begins with that.
    var short: Character?
  }

  var name: String
  var summary: String
  /// What stands for the positional arguments.
  var operands: String
  var options: [Option]
  var example: String
  var action: @Sendable (CommandArguments) -> Int32

  var help: String {
    let rows =
      options.map { (["--\($0.name)", $0.value].compactMap { $0 }.joined(separator: " "), $0.help) } + [
        ("--help", "this text")
      ]
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count + 2))\($0.1)" }
    return """
      \(summary)

      usage: flow \(name) \(operands) [OPTIONS]

      \(lines.joined(separator: "\n"))

      example: \(example)

      """
  }
}
