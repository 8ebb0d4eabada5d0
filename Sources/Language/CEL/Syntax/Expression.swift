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
    var highest: Int32 = 0
    kind.forEachChild { highest = max(highest, $0.height) }
    height = highest + 1
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
    var found: [Expression] = []
    forEachChild { found.append($0) }
    return found
  }

  /// Calls a function for each direct sub-expression, in the order of the text, and builds no list.
  public func forEachChild(_ body: (Expression) -> Void) {
    switch self {
    case .missing, .literal, .identifier: break
    case .select(let operand, _, _): body(operand)
    case .index(let operand, let index, _):
      body(operand)
      body(index)
    case .call(let call):
      if let target = call.target { body(target) }
      for argument in call.arguments { body(argument) }
    case .and(let terms), .or(let terms): for term in terms { body(term) }
    case .conditional(let condition, let then, let otherwise):
      body(condition)
      body(then)
      body(otherwise)
    case .list(let elements): for element in elements { body(element.value) }
    case .map(let entries):
      for entry in entries {
        body(entry.key)
        body(entry.value)
      }
    case .record(let literal): for field in literal.fields { body(field.value) }
    case .comprehension(let macro):
      body(macro.range)
      if let filter = macro.filter { body(filter) }
      body(macro.body)
    case .bind(_, let value, let rest):
      body(value)
      body(rest)
    case .block(let values, let rest):
      for value in values { body(value) }
      body(rest)
    }
  }
}

extension Expression {
  /// `root.member` for a range of the text that stands for it.
  public static func member(_ member: String, of root: String, at range: SourceRange) -> Expression {
    let operand = Expression(id: ExpressionID(rawValue: 0), range: range, kind: .identifier(root, isRooted: false))
    return Expression(
      id: ExpressionID(rawValue: 1), range: range, kind: .select(operand, Field(member, range), .plain))
  }

  /// The direct sub-expressions, in the order of the text.
  public var children: [Expression] { kind.children }

  /// Calls a function for each direct sub-expression, in the order of the text, and builds no list.
  public func forEachChild(_ body: (Expression) -> Void) { kind.forEachChild(body) }

  /// The smallest sub-expression that holds `offset`.
  public func smallest(at offset: UInt32) -> Expression? {
    guard range.contains(offset) || offset == range.upper else { return nil }
    for child in children {
      if let found = child.smallest(at: offset) { return found }
    }
    return self
  }
}
