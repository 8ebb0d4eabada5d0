/// The untyped part of an option: parsing, help, completion, manual pages and the reference are made from it.
struct OptionDeclaration: Sendable {
  /// The long name, without the dashes.
  var name: String
  /// The letter of the short form. Assigned explicitly, so that a new option never changes an existing one.
  var short: Character?
  /// The placeholder of the value in the help, such as `FILE`; nil for a flag.
  var placeholder: String?
  var help: String
  /// The value of the option when none is written; nil when a value is required.
  var impliedValue: String?
  /// The default value as displayed in the help; nil for no default.
  var defaultText: String?
  /// True if each occurrence adds a value; otherwise the last one applies.
  var isRepeatable = false
  var completion = Completion.none
  /// Converts the given values, at least one.
  var convert: @Sendable ([String]) throws(UsageError) -> any Sendable

  /// The forms of the option with its placeholder, as in `-o, --output FILE`.
  var signature: String {
    let forms = (short.map { "-\($0), " } ?? "") + "--\(name)"
    if let placeholder, impliedValue != nil { return "\(forms)[=\(placeholder)]" }
    return placeholder.map { "\(forms) \($0)" } ?? forms
  }

  /// The help with the default value and the note on repetition.
  var description: String {
    var notes: [String] = []
    if let defaultText { notes.append("default: \(defaultText)") }
    if isRepeatable { notes.append("repeatable") }
    return notes.isEmpty ? help : "\(help) (\(notes.joined(separator: "; ")))"
  }
}

/// An option of any value type, as the table of a command lists it.
protocol CommandOption: Sendable {
  var declaration: OptionDeclaration { get }
}
