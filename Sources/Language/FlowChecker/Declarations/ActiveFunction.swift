public import CEL
import FlowIR
public import FlowSource

/// `active("phase.open")`: whether a state of the flow is active, given by its path.
public enum ActiveFunction {
  static let name = "active"

  /// The states of `self.state` are paths with a space between them.
  private static let body =
    #"(" " + self.state + " ").contains(" " + path + " ") || (" " + self.state).contains(" " + path + ".")"#

  private static let function: FunctionDefinition? = {
    var scope = Environment()
    scope.types.declare(BuiltInRecords.selfRecord)
    _ = scope.declare(
      variable: "self", type: .record(BuiltInRecords.selfRecord.name), slot: FrameLayout.selfRecord)
    // The argument takes the slot of `event`, which the body does not read.
    _ = scope.declare(variable: "path", type: .string, slot: FrameLayout.event)
    return scope.check(parse(body).0).expression.map {
      FunctionDefinition(
        name: name, parameterSlots: [FrameLayout.event], parameterTypes: [.string], body: $0)
    }
  }()

  /// Declares the function, unless the program has one of its own with that name.
  /// - Parameter environment: Contains `self`.
  public static func declare(in environment: inout Environment) {
    guard !environment.hasFunction(name), let function else { return }
    environment.declare(function)
  }

  /// F104: the argument is the path of a state.
  /// - Parameter paths: The paths of all states of the flow.
  public static func problems(
    in expression: Expression, paths: @autoclosure () -> [String], environment: Environment
  ) -> [Diagnostic] {
    var isCalled = false
    expression.forEachCalledName { if $0.name == name { isCalled = true } }
    guard isCalled, isDeclared(in: environment) else { return [] }
    var found: [Diagnostic] = []
    collect(expression, paths(), into: &found)
    return found
  }

  /// Returns whether the name is that of this function: one that the program declares can't read `self`.
  private static func isDeclared(in environment: Environment) -> Bool {
    environment.body(ofFunction: name)?.usedSlots.contains(FrameLayout.selfRecord) ?? false
  }

  private static func collect(_ expression: Expression, _ paths: [String], into found: inout [Diagnostic]) {
    expression.forEachChild { collect($0, paths, into: &found) }
    guard case .call(let call) = expression.kind, call.target == nil, call.function.name == name,
      let argument = call.arguments.first
    else { return }
    guard case .literal(.string(let path)) = argument.kind else {
      found.append(
        Diagnostic(
          "F104", "`active` needs the path of a state in quotes", at: argument.range, label: "not known here",
          help: #"write `active("state")`"#))
      return
    }
    guard !paths.contains(path) else { return }
    var problem = unknown("state", named: path, code: "F104", at: argument.range, candidates: paths)
    problem.fixes = []
    found.append(problem)
  }
}
