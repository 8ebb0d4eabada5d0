/// A node of the statechart.
public struct State: Hashable, Sendable {
  public enum Kind: String, Sendable { case root, plain, parallel, region, final, failed }

  public var name: String
  /// The names from the top, joined by dots; empty for the root.
  public var path: String
  public var kind: Kind
  /// The index of the enclosing state; the root is its own.
  public var parent: StateIndex
  /// The root has 0.
  public var depth: Int
  public var children: [StateIndex]
  /// The child that is entered together with the state.
  public var initial: StateIndex?
  public var entry: [ActionStatement]
  public var exit: [ActionStatement]
  /// Its calls and steps, in text order.
  public var calls: [CallIndex]
  /// Its reactions in text order.
  public var transitions: [Int]
  public var ignored: [EventIndex]
  public var deferred: [EventIndex]
  /// True if entering the state executes the armed undos.
  public var isRollback: Bool
  /// The result of a called flow that ends in this state.
  public var result: SourcedExpression?
  /// The first index after its descendants: they are `index + 1 ..< end`.
  public var end: StateIndex

  public init(
    name: String, path: String, kind: Kind, parent: StateIndex, depth: Int, children: [StateIndex] = [],
    initial: StateIndex? = nil,
    entry: [ActionStatement] = [], exit: [ActionStatement] = [], calls: [CallIndex] = [], transitions: [Int] = [],
    ignored: [EventIndex] = [],
    deferred: [EventIndex] = [], isRollback: Bool = false, result: SourcedExpression? = nil, end: StateIndex = 0
  ) {
    self.name = name
    self.path = path
    self.kind = kind
    self.parent = parent
    self.depth = depth
    self.children = children
    self.initial = initial
    self.entry = entry
    self.exit = exit
    self.calls = calls
    self.transitions = transitions
    self.ignored = ignored
    self.deferred = deferred
    self.isRollback = isRollback
    self.result = result
    self.end = end
  }

  public var isFinal: Bool { kind == .final || kind == .failed }
}
