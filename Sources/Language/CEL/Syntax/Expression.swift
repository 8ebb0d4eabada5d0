public import FlowSource

/// Names one node of a parsed expression; dense, in order of creation.
public struct ExpressionID: Hashable, Sendable {
  public var rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// A parsed expression: a value that no later pass changes.
///
/// Its height is bounded by ``ExpressionParser/maximumDepth``, so that walking it by recursion is safe.
public struct Expression: Hashable, Sendable {
  public var id: ExpressionID
  /// From the first to the last byte; parentheses around it belong to it.
  public var range: SourceRange
  public var kind: Kind
  /// One more than the highest child.
  let height: Int32

  init(id: ExpressionID, range: SourceRange, kind: Kind) {
    self.id = id
    self.range = range
    self.kind = kind
    self.height = 1 + (kind.children.lazy.map(\.height).max() ?? 0)
  }

  public indirect enum Kind: Hashable, Sendable {
    /// The placeholder for an expression that could not be parsed; a diagnostic reports the reason.
    case missing
    case literal(Literal)
    /// A name; rooted when a dot precedes it, which skips the container and bound variables.
    case identifier(String, isRooted: Bool)
    case select(Expression, Field, SelectMode)
    case index(Expression, Expression, isOptional: Bool)
    case call(Call)
    /// All terms of a chain of `&&`, two or more.
    case and([Expression])
    /// All terms of a chain of `||`, two or more.
    case or([Expression])
    case conditional(Expression, then: Expression, else: Expression)
    case list([Element])
    case map([Entry])
    case record(RecordLiteral)
    case comprehension(Comprehension)
    /// `cel.bind(name, value, body)`.
    case bind(Field, value: Expression, body: Expression)
    /// `cel.block([value, ...], body)`.
    case block([Expression], body: Expression)
  }

  /// A name with its range.
  public struct Field: Hashable, Sendable {
    public var name: String
    public var range: SourceRange

    public init(_ name: String, _ range: SourceRange) {
      self.name = name
      self.range = range
    }
  }

  /// `a.b`, `a.?b`, `has(a.b)`.
  public enum SelectMode: String, Hashable, Sendable { case plain, optional, test }

  /// A call; operators are calls of `_+_`, `_==_`, `!_` and so on. A chain of `+` is one call with all its terms.
  public struct Call: Hashable, Sendable {
    public var function: Field
    public var target: Expression?
    public var arguments: [Expression]
    /// True when the function was written with a dot before it.
    public var isRooted = false
  }

  public struct Element: Hashable, Sendable {
    public var value: Expression
    public var isOptional: Bool
  }

  public struct Entry: Hashable, Sendable {
    public var key: Expression
    public var value: Expression
    public var isOptional: Bool
  }

  public struct RecordLiteral: Hashable, Sendable {
    public var typeName: Field
    public var isRooted: Bool
    public var fields: [FieldValue]
  }

  public struct FieldValue: Hashable, Sendable {
    public var field: Field
    public var value: Expression
    public var isOptional: Bool
  }

  /// A macro that binds one or two variables to the elements of `range`.
  public struct Comprehension: Hashable, Sendable {
    public var macro: Macro
    /// The name in the source: `existsOne` and `exists_one` are the same macro.
    public var function: Field
    public var range: Expression
    public var variables: [Field]
    /// Of `map`, `transformList` and `transformMap` with one argument more.
    public var filter: Expression?
    public var body: Expression
  }

  public enum Macro: String, Hashable, Sendable {
    case all, exists, existsOne, map, filter, sortBy, transformList, transformMap, transformMapEntry, optMap, optFlatMap
  }
}

extension Expression.Kind {
  /// The direct sub-expressions, in the order of the text.
  public var children: [Expression] {
    switch self {
    case .missing, .literal, .identifier: []
    case .select(let operand, _, _): [operand]
    case .index(let operand, let index, _): [operand, index]
    case .call(let call): (call.target.map { [$0] } ?? []) + call.arguments
    case .and(let terms), .or(let terms): terms
    case .conditional(let condition, let then, let otherwise): [condition, then, otherwise]
    case .list(let elements): elements.map(\.value)
    case .map(let entries): entries.flatMap { [$0.key, $0.value] }
    case .record(let literal): literal.fields.map(\.value)
    case .comprehension(let macro): [macro.range] + (macro.filter.map { [$0] } ?? []) + [macro.body]
    case .bind(_, let value, let body): [value, body]
    case .block(let values, let body): values + [body]
    }
  }
}

extension Expression {
  /// The direct sub-expressions, in the order of the text.
  public var children: [Expression] { kind.children }

  /// The smallest sub-expression that holds `offset`.
  public func smallest(at offset: UInt32) -> Expression? {
    guard range.contains(offset) || offset == range.upper else { return nil }
    for child in children {
      if let found = child.smallest(at: offset) { return found }
    }
    return self
  }
}
