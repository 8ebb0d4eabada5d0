/// Why the options of a command can't be used, in the operator's words.
struct UsageError: Error {
  var message: String
  var help: String?

  /// Both on one line.
  var text: String { help.map { "\(message); \($0)" } ?? message }
}
