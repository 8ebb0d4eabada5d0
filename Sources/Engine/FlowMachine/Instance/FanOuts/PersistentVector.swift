/// A list of constant length. A copy with another element shares all parts that are equal, so that it costs no more
/// for a long list than for a short one.
struct PersistentVector<Element: Hashable & Sendable>: Sendable {
  /// The number of elements of a leaf, and of children of a branch.
  private static var width: Int { 32 }

  private enum Node: Sendable {
    case leaf(Leaf)
    case branch(Branch)
  }

  private final class Leaf: Sendable {
    let elements: [Element]
    init(_ elements: [Element]) { self.elements = elements }
  }

  private final class Branch: Sendable {
    let children: [Node]
    init(_ children: [Node]) { self.children = children }
  }

  let count: Int
  private var root: Node
  /// The number of elements below each child of the root.
  private let span: Int

  init(_ elements: [Element]) {
    let width = PersistentVector.width
    count = elements.count
    var span = 1
    var nodes: [Node] = stride(from: 0, to: max(elements.count, 1), by: width).map { start in
      .leaf(Leaf(Array(elements[start..<min(start + width, elements.count)])))
    }
    while nodes.count > 1 {
      span *= width
      nodes = stride(from: 0, to: nodes.count, by: width).map { start in
        .branch(Branch(Array(nodes[start..<min(start + width, nodes.count)])))
      }
    }
    root = nodes[0]
    self.span = span
  }

  var indices: Range<Int> { 0..<count }

  subscript(_ index: Int) -> Element {
    get {
      precondition(indices.contains(index), "index out of range")
      var (node, rest, span) = (root, index, span)
      while case .branch(let branch) = node {
        node = branch.children[rest / span]
        (rest, span) = (rest % span, span / PersistentVector.width)
      }
      guard case .leaf(let leaf) = node else { preconditionFailure("a path ends in a leaf") }
      return leaf.elements[rest]
    }
    set {
      precondition(indices.contains(index), "index out of range")
      root = PersistentVector.node(root, replacing: index, by: newValue, span: span)
    }
  }

  private static func node(_ node: Node, replacing index: Int, by element: Element, span: Int) -> Node {
    switch node {
    case .leaf(let leaf):
      var elements = leaf.elements
      elements[index] = element
      return .leaf(Leaf(elements))
    case .branch(let branch):
      var children = branch.children
      let child = index / span
      children[child] = self.node(children[child], replacing: index % span, by: element, span: span / width)
      return .branch(Branch(children))
    }
  }

  /// The elements in order.
  var elements: [Element] { indices.map { self[$0] } }

  // MARK: - Differences

  /// The indices of the elements that another list of the same length does not share with this one, in ascending order.
  /// Its cost is that of the differences.
  func differences(from other: PersistentVector) -> [Int] {
    precondition(count == other.count, "lists of different lengths")
    var found: [Int] = []
    PersistentVector.compare(root, other.root, at: 0, span: span, into: &found)
    return found
  }

  private static func compare(_ one: Node, _ other: Node, at start: Int, span: Int, into found: inout [Int]) {
    switch (one, other) {
    case (.leaf(let left), .leaf(let right)):
      if left === right { return }
      for index in left.elements.indices where left.elements[index] != right.elements[index] {
        found.append(start + index)
      }
    case (.branch(let left), .branch(let right)):
      if left === right { return }
      for index in left.children.indices {
        compare(left.children[index], right.children[index], at: start + index * span, span: span / width, into: &found)
      }
    default: preconditionFailure("lists of one length have one shape")
    }
  }
}

extension PersistentVector: Hashable {
  static func == (a: PersistentVector, b: PersistentVector) -> Bool {
    a.count == b.count && a.differences(from: b).isEmpty
  }

  func hash(into hasher: inout Hasher) { hasher.combine(count) }
}
