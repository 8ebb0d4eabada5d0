public import CEL
public import FlowDiagnostics
public import FlowSource

/// One `.flow` file as it was read.
///
/// The tokens are stored next to the tree; the gaps between their ranges are white space and comments, so that no part
/// of the text is lost to the formatter and the editors.
public struct ParsedFile: Sendable {
  public let source: SourceFile
  public private(set) var tokens: [Token]
  public let declarations: [Declaration]
  /// Names that were qualified with the alias of an import.
  public let qualified: [QualifiedName]
  public let diagnostics: [Diagnostic]
  /// The parts of the file that a syntax error affects.
  public let broken: BrokenParts
}

/// The consequences of syntax errors: further errors there are not reported.
public struct BrokenParts: Sendable {
  /// The ranges of declarations that contain a syntax error.
  public var ranges: [SourceRange] = []
  /// Names that such declarations declare, or would have declared.
  public var names: Set<String> = []
  /// True if a declaration has no name, so that any unknown name may refer to it.
  public var hasUnknownNames = false
  /// True if such a declaration is a flow, so that a state which a test does not find may be one of its own.
  public var hasFlow = false

  public init() {}

  /// True if no part is affected.
  public var isEmpty: Bool { ranges.isEmpty && names.isEmpty && !hasUnknownNames && !hasFlow }
}

extension ParsedFile {
  /// The file without its tokens, which use much memory and which checking does not need.
  public var withoutTokens: ParsedFile {
    var file = self
    file.tokens = []
    return file
  }

  /// The comments of the file that suppress findings.
  public var suppressions: [Suppression] {
    var gaps: [SourceRange] = []
    var end = source.base
    for token in tokens {
      if token.range.lower > end { gaps.append(SourceRange(end, token.range.lower)) }
      end = token.range.upper
    }
    return Suppression.all(in: source, gaps: gaps)
  }
}

/// `shop.Item`: in the tree it is `Item`, located at the whole name.
public struct QualifiedName: Sendable {
  public var alias: String
  public var name: String
  public var range: SourceRange
}

/// A top-level declaration. Each is on the heap, because a flow is much larger than the others.
public indirect enum Declaration: Sendable {
  case importing(ImportNode)
  case type(TypeNode)
  case enumeration(EnumNode)
  case constant(ConstantNode)
  case function(FunctionNode)
  case role(RoleNode)
  case event(EventNode)
  case action(ActionNode)
  case flow(FlowNode)
  case test(TestNode)

  /// The source range from the first word to the end.
  public var range: SourceRange {
    switch self {
    case .importing(let node): node.range
    case .type(let node): node.range
    case .enumeration(let node): node.range
    case .constant(let node): node.range
    case .function(let node): node.range
    case .role(let node): node.range
    case .event(let node): node.range
    case .action(let node): node.range
    case .flow(let node): node.range
    case .test(let node): node.range
    }
  }
}

/// A name with its source range. Empty if the name was missing; the parser has reported it.
public struct NameNode: Hashable, Sendable {
  public var text: String
  public var range: SourceRange
  public var isMissing: Bool { text.isEmpty }

  public init(text: String, range: SourceRange) {
    self.text = text
    self.range = range
  }
}

/// Names joined by dots, such as `mail.send` or `review.history`.
public struct PathNode: Hashable, Sendable {
  public var names: [NameNode]
  public var range: SourceRange
  public var text: String { names.map(\.text).joined(separator: ".") }
  public var isMissing: Bool { names.isEmpty || names.contains(where: \.isMissing) }
}

/// A type in source form: `list<Item>`, `string? max 40`.
public struct TypeReferenceNode: Hashable, Sendable {
  public var name: PathNode
  public var arguments: [TypeReferenceNode]
  public var isOptional: Bool
  public var maximum: Int?
  public var range: SourceRange
}

/// A duration, written as `30m` or `1h30m`.
public struct DurationNode: Hashable, Sendable {
  public var milliseconds: Int64
  public var range: SourceRange
}

/// A duration: a literal, or a computed value.
public enum DelayNode: Sendable {
  case literal(DurationNode)
  case expression(Expression)

  public var range: SourceRange {
    switch self {
    case .literal(let node): node.range
    case .expression(let node): node.range
    }
  }
}

/// A named argument of an action or a call.
public struct ArgumentNode: Sendable {
  public var name: NameNode
  public var value: Expression

  public init(name: NameNode, value: Expression) {
    self.name = name
    self.value = value
  }
}
