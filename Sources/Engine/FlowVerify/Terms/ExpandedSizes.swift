import CEL

/// The sizes of expressions in which each use of a definition counts as its whole body. A chain of definitions that use
/// each other twice doubles with each of them.
struct ExpandedSizes {
  /// Definitions above it are not followed, because a step evaluates each use.
  static let maximum = 2000

  private var known: [ObjectIdentifier: Int] = [:]

  mutating func size(of definition: Definition) -> Int {
    if let size = known[ObjectIdentifier(definition)] { return size }
    let size = size(of: definition.body)
    known[ObjectIdentifier(definition)] = size
    return size
  }

  private mutating func size(of tree: TypedExpression) -> Int {
    if case .named(let definition) = tree.kind { return size(of: definition) }
    var sum = 1
    for child in tree.children { sum = min(sum + size(of: child), Int(Int32.max)) }
    return sum
  }
}
