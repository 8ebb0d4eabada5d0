/// An error in the use of a command: its arguments, its options, or the files that they name. Exit code 2.
struct UsageError: Error {
  var message: String
  var help: String?

  init(_ message: String, help: String? = nil) {
    self.message = message
    self.help = help
  }

  /// The message and the help on one line.
  var text: String { help.map { "\(message); \($0)" } ?? message }
}
