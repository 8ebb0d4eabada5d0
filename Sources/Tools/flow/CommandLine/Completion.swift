/// The kind of values that an option or an operand accepts, for the completion of shells.
enum Completion: Sendable, Equatable {
  /// Free text: nothing is proposed.
  case none
  /// `.flow` files and folders.
  case flowFiles
  case files
  case folders
  /// Fixed words.
  case words([String])
  /// The codes of diagnostics.
  case rules
  /// The flows, states or events that the `.flow` files of the command line declare.
  case flows, states, events
  /// The names of the commands.
  case commands
  /// The operations of `flow ctl` and their operands, asked of the server.
  case control
}
