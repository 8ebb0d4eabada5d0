public import CEL
public import FlowSource

/// The names and types of a program, as far as they hold: an editor needs them while the program has errors.
public struct Analysis: Sendable {
  /// The program; nil when it has errors.
  public var program: CheckedProgram?
  /// The names outside of flows: types, enums, constants and functions.
  public var environment: Environment
  /// The names that the expressions of each flow see, by the name of the flow; `event` is not among them.
  public var environments: [String: Environment]
  public var diagnostics: [Diagnostic]

  /// The names that the expressions of a flow see; nil when there is no such flow.
  public func environment(of flow: String) -> Environment? { environments[flow] }
}
