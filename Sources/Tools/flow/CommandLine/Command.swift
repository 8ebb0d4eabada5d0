/// One command of the tool. Parsing, help, completion, manual pages and `Docs/commands.md` are made from this table.
struct Command: Sendable {
  /// A section of `flow --help`.
  enum Group: String, CaseIterable, Sendable {
    case develop = "Write and check flows"
    case run = "Test and run flows"
    case serve = "Serve and operate"
    case tool = "About this tool"
  }

  var name: String
  var group: Group
  /// One sentence: an imperative phrase with a full stop.
  var summary: String
  /// Paragraphs for `--help` and the manual page; empty when the summary is enough.
  var discussion: String
  /// The synopsis of the positional arguments; one line for each form.
  var operands: String
  var operandCompletion: Completion
  var options: [OptionDeclaration]
  var example: String
  var action: @Sendable (CommandArguments) throws(UsageError) -> Int32
  /// The format of messages on standard error, by the words of the command line.
  var messageFormat: @Sendable ([String]) -> Terminal.MessageFormat = { _ in .text }

  init(
    name: String, group: Group, summary: String, discussion: String = "", operands: String = "",
    completion: Completion = .none, options: [any CommandOption] = [], example: String,
    action: @escaping @Sendable (CommandArguments) throws(UsageError) -> Int32
  ) {
    self.name = name
    self.group = group
    self.summary = summary
    self.discussion = discussion
    self.operands = operands
    operandCompletion = completion
    self.options = options.map(\.declaration)
    self.example = example
    self.action = action
  }

  /// The option that a word such as `--output` or `-o` names.
  func option(_ word: String) -> OptionDeclaration? {
    if word.hasPrefix("--") { return options.first { $0.name == word.dropFirst(2) } }
    let letters = word.dropFirst()
    return letters.count == 1 ? options.first { $0.short == letters.first } : nil
  }
}
