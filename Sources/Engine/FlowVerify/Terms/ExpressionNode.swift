import CEL

/// The index of a node in an ``ExpressionGraph``.
struct NodeIndex: Hashable, Sendable, BitwiseCopyable {
  var rawValue: Int32
}

/// An expression, with definitions and functions expanded; equal parts are one node.
struct ExpressionNode: Hashable {
  enum Operation: Hashable {
    case constant(Value)
    case slot(Int)
    case select(String)
    /// `a.?b` of a record, and a selection from an optional record.
    case selectOptional(String)
    case not, and, or, conditional
    case equal, less, lessOrEqual
    case arithmetic(Arithmetic)
    case negate
    case greatest, least
    case asDouble
    case hasValue, value, orValue, orOptional
    case optionalOf, optionalNone
    case size, contained, joined, list
    case record(String)
    /// An element of a list or a map that exists.
    case element
    /// A slice that exists; the last child is its size.
    case slice
    /// An instant that a function of the calendar computes from another one, with constants in the text.
    case calendar(String)
    /// The last child, after all others.
    case strict
    /// An expression whose meaning is not followed; the text distinguishes it from others.
    case opaque(String)
  }

  var operation: Operation
  var type: ValueType
  var children: [NodeIndex]
  /// True if the operation itself may fail, apart from its children.
  var canFail = false
}

/// All expressions of a flow.
struct ExpressionGraph {
  private(set) var nodes: [ExpressionNode] = []
  /// The texts of nodes for people.
  private(set) var names: [NodeIndex: String] = [:]
  private var indices: [ExpressionNode: NodeIndex] = [:]

  subscript(_ index: NodeIndex) -> ExpressionNode { nodes[Int(index.rawValue)] }

  mutating func index(of node: ExpressionNode) -> NodeIndex {
    if let known = indices[node] { return known }
    let index = NodeIndex(rawValue: Int32(nodes.count))
    nodes.append(node)
    indices[node] = index
    return index
  }

  /// The text of a node in quotes, for a message.
  func shownName(of node: NodeIndex) -> String { "`\(names[node] ?? "a value")`" }

  /// The text of a node; nil for one without a text.
  func name(of node: NodeIndex) -> String? { names[node] }

  mutating func name(_ node: NodeIndex, _ text: @autoclosure () -> String) {
    if names[node] == nil { names[node] = text() }
  }

  /// The slots of the frame that a node reads.
  func slots(of node: NodeIndex) -> Set<Int> {
    var found: Set<Int> = []
    var seen: Set<NodeIndex> = []
    var open = [node]
    while let next = open.popLast() {
      guard seen.insert(next).inserted else { continue }
      if case .slot(let slot) = self[next].operation { found.insert(slot) }
      open += self[next].children
    }
    return found
  }

  /// A node and all nodes below it.
  func below(_ node: NodeIndex) -> Set<NodeIndex> {
    var seen: Set<NodeIndex> = []
    var open = [node]
    while let next = open.popLast() {
      if seen.insert(next).inserted { open += self[next].children }
    }
    return seen
  }
}
