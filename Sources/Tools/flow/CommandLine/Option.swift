import FlowSource

/// An option of a command: its declaration, and the typed key by which its value is read.
///
/// Declared once, listed in the table of the command, and read by `arguments[option]`.
struct Option<Value: Sendable>: CommandOption {
  let declaration: OptionDeclaration
  /// The value when the option is not given.
  let defaultValue: Value

  init(_ declaration: OptionDeclaration, default value: Value) {
    self.declaration = declaration
    defaultValue = value
  }
}

extension Option where Value == Bool {
  /// An option without a value.
  static func flag(_ name: String, short: Character? = nil, help: String) -> Option {
    Option(.init(name: name, short: short, help: help) { _ in true }, default: false)
  }
}

extension Option where Value == String? {
  /// An optional text, such as a path.
  static func text(
    _ name: String, _ placeholder: String, short: Character? = nil, help: String, default text: String? = nil,
    completion: Completion = .none
  ) -> Option {
    Option(
      .init(
        name: name, short: short, placeholder: placeholder, help: help, defaultText: text, completion: completion
      ) { $0.last }, default: nil)
  }
}

extension Option where Value == [String] {
  /// Texts in the order in which they are given.
  static func list(
    _ name: String, _ placeholder: String, short: Character? = nil, help: String, completion: Completion = .none
  ) -> Option {
    Option(
      .init(
        name: name, short: short, placeholder: placeholder, help: help, isRepeatable: true, completion: completion
      ) { $0 }, default: [])
  }
}

extension Option where Value: RawRepresentable<String> & CaseIterable {
  /// One of some words.
  static func choice(
    _ name: String, short: Character? = nil, default value: Value, help: String
  ) -> Option {
    Option(
      .choices(of: Value.self, name: name, short: short, help: help, defaultText: value.rawValue) { value in value },
      default: value)
  }
}

extension Option {
  /// One of some words, or nil when the option is not given.
  /// - Parameter implied: The word that the option means without a value; nil when a value is required.
  static func optionalChoice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, of type: Choice.Type, short: Character? = nil, help: String, default text: String? = nil,
    withoutValue implied: Choice? = nil
  ) -> Option where Value == Choice? {
    var declaration = OptionDeclaration.choices(
      of: type, name: name, short: short, help: help, defaultText: text
    ) { Optional($0) }
    declaration.impliedValue = implied?.rawValue
    return Option(declaration, default: nil)
  }

  /// A whole number within a range, or nil when the option is not given.
  static func number<Number: FixedWidthInteger & Sendable>(
    _ name: String, _ placeholder: String, in range: ClosedRange<Number>, help: String, default text: String? = nil
  ) -> Option where Value == Number? {
    Option(
      .init(name: name, placeholder: placeholder, help: help, defaultText: text) { texts throws(UsageError) in
        Optional(try OptionDeclaration.number(texts.last ?? "", in: range, of: name))
      }, default: nil)
  }
}

extension Option where Value: FixedWidthInteger {
  /// A whole number within a range.
  static func number(
    _ name: String, _ placeholder: String, in range: ClosedRange<Value>, default value: Value, help: String
  ) -> Option {
    Option(
      .init(name: name, placeholder: placeholder, help: help, defaultText: "\(value)") { texts throws(UsageError) in
        try OptionDeclaration.number(texts.last ?? "", in: range, of: name)
      }, default: value)
  }
}

extension OptionDeclaration {
  /// A declaration whose value is one of the words of an enumeration.
  fileprivate static func choices<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    of type: Choice.Type, name: String, short: Character?, help: String, defaultText: String?,
    wrap: @escaping @Sendable (Choice) -> any Sendable
  ) -> OptionDeclaration {
    let words = Choice.allCases.map(\.rawValue)
    return OptionDeclaration(
      name: name, short: short, placeholder: words.joined(separator: "|"), help: help, defaultText: defaultText,
      completion: .words(words)
    ) { texts throws(UsageError) in
      wrap(try choice(texts.last ?? "", of: type, option: name))
    }
  }

  /// The case that a word names.
  static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ word: String, of type: Choice.Type, option name: String
  ) throws(UsageError) -> Choice {
    if let choice = Choice(rawValue: word) { return choice }
    let words = Choice.allCases.map(\.rawValue)
    let list = words.count > 1 ? words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1] : words[0]
    let guess = Suggestion.closest(to: word, among: words).first
    throw UsageError("`--\(name)` must be \(list), not `\(word)`", help: guess.map { "did you mean `\($0)`?" })
  }

  fileprivate static func number<Number: FixedWidthInteger>(
    _ text: String, in range: ClosedRange<Number>, of name: String
  ) throws(UsageError) -> Number {
    guard let number = Number(text) else { throw UsageError("`--\(name)` must be a whole number, not `\(text)`") }
    guard range.contains(number) else {
      let limit =
        range.upperBound == .max ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
      throw UsageError("`--\(name)` must be \(limit), not \(text)")
    }
    return number
  }
}
