/// The outside world of an engine; a simulation provides its own.
public protocol World: Sendable {
  /// Milliseconds since 1970.
  func now() -> Int64
  /// A number from 0 up to and without `bound`.
  func random(below bound: Int64) -> Int64
  /// A unique identifier.
  func newID() -> String
  /// A variable of the environment, for the settings of actions.
  func variable(_ name: String) -> String?
}
