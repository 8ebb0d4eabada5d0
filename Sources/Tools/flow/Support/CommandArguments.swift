import FlowSource

/// The arguments of a command, taken apart.
struct CommandArguments: Sendable {
  var operands: [String] = []
  private var values: [String: [String]] = [:]

  enum Parsed {
    case arguments(CommandArguments)
    case help
    case wrong(String)
  }

  /// The last value given for an option.
  func value(_ option: String) -> String? { values[option]?.last }

  /// All values given for an option, in order.
  func all(_ option: String) -> [String] { values[option] ?? [] }

  func has(_ flag: String) -> Bool { values[flag] != nil }

  /// The value of an option that takes one of some words, the first of them by default; nil, and said, for another.
  func choice(_ option: String, of words: [String]) -> String? {
    guard let word = value(option) else { return words[0] }
    if words.contains(word) { return word }
    let guess = Suggestion.closest(to: word, among: words).first
    Terminal.complain(
      "`--\(option)` is \(words.joined(separator: " or ")), not `\(word)`",
      help: guess.map { "did you mean `\($0)`?" })
    return nil
  }

  static func parse(_ words: [String], for command: Command) -> Parsed {
    var arguments = CommandArguments()
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--help" || word == "-h" { return .help }
      if word == "--" {
        arguments.operands += rest
        break
      }
      guard word.hasPrefix("-"), word.count > 1 else {
        arguments.operands.append(word)
        continue
      }
      let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1).map(String.init)
      guard let name = parts.first, let option = option(name, of: command) else {
        return .wrong(unknown(word, command))
      }
      if option.value == nil {
        arguments.values[option.name, default: []].append("")
      } else if let value = parts.count > 1 ? parts[1] : rest.popFirst() {
        arguments.values[option.name, default: []].append(value)
      } else {
        return .wrong("`\(word)` needs a value")
      }
    }
    return .arguments(arguments)
  }

  /// An option by its name, by its letter, or by the first letter of exactly one.
  private static func option(_ name: String, of command: Command) -> Command.Option? {
    if let exact = command.options.first(where: { $0.name == name }) { return exact }
    if let lettered = command.options.first(where: { $0.short.map(String.init) == name }) { return lettered }
    let short = command.options.filter { name.count == 1 && $0.name.hasPrefix(name) }
    return short.count == 1 ? short[0] : nil
  }

  private static func unknown(_ word: String, _ command: Command) -> String {
    let name = String(word.drop { $0 == "-" })
    let guess = Suggestion.closest(to: name, among: command.options.map(\.name)).first
    return "there is no option `\(word)`" + (guess.map { ", did you mean `--\($0)`?" } ?? "")
  }
}
