import FlowSource

/// Evaluates operations on constants while checking.
struct Folder {
  init(types: TypeRegistry) {}
}

extension Checker {
  /// The constant that `typed` always is, or `typed` itself.
  mutating func fold(_ typed: TypedExpression, _ nameRange: SourceRange? = nil) -> TypedExpression { typed }
}
