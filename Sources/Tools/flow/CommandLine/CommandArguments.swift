import FlowSource

/// The parsed arguments of a command: operands in order, and the values of its options.
struct CommandArguments: Sendable {
  var operands: [String] = []
  private var values: [String: any Sendable] = [:]
  private let declared: Set<String>

  /// The outcome of parsing.
  enum Parsed {
    case arguments(CommandArguments)
    case help
  }

  private init(of command: Command) { declared = Set(command.options.map(\.name)) }

  /// The value of an option, or its default.
  subscript<Value>(_ option: Option<Value>) -> Value {
    assert(declared.contains(option.declaration.name), "`--\(option.declaration.name)` is not listed by its command")
    return values[option.declaration.name] as? Value ?? option.defaultValue
  }

  /// Returns true if an option is present.
  func isGiven(_ option: some CommandOption) -> Bool { values[option.declaration.name] != nil }

  /// Adds the values of options that are not given.
  /// - Throws: `UsageError` for a value that an option does not accept.
  mutating func complete(with given: [String: [String]], of command: Command) throws(UsageError) {
    for option in command.options where values[option.name] == nil {
      guard let texts = given[option.name] else { continue }
      values[option.name] = try option.convert(texts)
    }
  }

  /// Parses the words after the name of a command.
  /// - Throws: `UsageError` for an unknown option, a missing value, or a value that an option does not accept.
  static func parse(_ words: [String], for command: Command) throws(UsageError) -> Parsed {
    var arguments = CommandArguments(of: command)
    var given: [String: [String]] = [:]
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--help" || word == "-h" { return .help }
      if word == "--" {
        arguments.operands += rest
        break
      }
      guard isOption(word) else {
        arguments.operands.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let option = command.option(parts[0]) else { throw unknown(parts[0], of: command) }
      given[option.name, default: []].append(try value(of: option, written: parts, next: &rest))
    }
    for option in command.options {
      guard let texts = given[option.name] else { continue }
      arguments.values[option.name] = try option.convert(texts)
    }
    return .arguments(arguments)
  }

  /// Returns true if a word is an option: `-` alone is standard input, and `-1` a number.
  static func isOption(_ word: String) -> Bool {
    word.hasPrefix("-") && word.dropFirst().first.map { !$0.isNumber } ?? false
  }

  private static func value(
    of option: OptionDeclaration, written parts: [String], next rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    if option.placeholder == nil {
      guard parts.count == 1 else { throw UsageError("`\(parts[0])` does not take a value") }
      return ""
    }
    if parts.count > 1 { return parts[1] }
    if let implied = option.impliedValue {
      // A word that is no value of the option is the next operand.
      guard let word = rest.first, (try? option.convert([word])) != nil else { return implied }
      rest.removeFirst()
      return word
    }
    guard let next = rest.popFirst() else { throw UsageError("`\(parts[0])` requires a value") }
    return next
  }

  private static func unknown(_ word: String, of command: Command) -> UsageError {
    let name = String(word.drop { $0 == "-" })
    let guess = Suggestion.closest(to: name, among: command.options.map(\.name)).first
    return UsageError("unknown option `\(word)`" + (guess.map { ", did you mean `--\($0)`?" } ?? ""))
  }
}
