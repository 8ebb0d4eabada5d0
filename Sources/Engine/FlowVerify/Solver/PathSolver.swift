/// A solver of formulas in SMT-LIB 2, such as a process of `z3`. The verification itself has no access to processes.
public protocol PathSolver: AnyObject {
  /// True if values exist for which all assertions of a script hold.
  /// - Parameter script: Declarations and assertions, without `check-sat`.
  func check(_ script: String) -> SolverAnswer

  /// The interpretation of the predicates of Horn clauses under which all of them hold; nil when none was found.
  /// - Parameter script: Declarations and clauses, without `check-sat`.
  func interpretation(of script: String) -> String?
}

/// The answer of a solver.
public enum SolverAnswer: Sendable {
  case satisfiable
  case unsatisfiable
  /// The solver gave up, or can't be run.
  case unknown
}
