/// What a caller has to be allowed to do.
enum Scope: String, CaseIterable, Sendable {
  /// For everybody.
  case open
  case read
  case send
  /// Doing jobs for the flows.
  case work
  case operate
  case deploy
}
