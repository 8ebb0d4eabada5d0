import CEL
public import FlowSource
import FlowSyntax

/// A word with its meaning, for colors.
public struct SemanticToken: Hashable, Sendable {
  public enum Kind: Int, Hashable, Sendable, CaseIterable {
    case keyword, comment, string, number, `operator`, type, enumeration, enumMember, state, event, action, flow, role
    case data, definition, variable, parameter, property, function, constant, code
  }

  public struct Modifiers: OptionSet, Hashable, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let declaration = Modifiers(rawValue: 1)
    public static let modification = Modifiers(rawValue: 2)
    public static let documentation = Modifiers(rawValue: 4)
    public static let predefined = Modifiers(rawValue: 8)
  }

  public var range: SourceRange
  public var kind: Kind
  public var modifiers: Modifiers

  public init(_ kind: Kind, at range: SourceRange, modifiers: Modifiers = []) {
    self.range = range
    self.kind = kind
    self.modifiers = modifiers
  }
}

extension ProgramView {
  /// The words of a file, or of a part of it, with their meanings: names by what they mean, the other tokens by their
  /// class.
  public func semanticTokens(in path: String, range: SourceRange? = nil) -> [SemanticToken] {
    guard let unit = unit(path) else { return [] }
    var named: [UInt32: Occurrence] = [:]
    for occurrence in occurrences(in: path) { named[occurrence.range.lower] = occurrence }
    return unit.classifiedTokens.filter { range?.overlaps($0.range) ?? true }.compactMap { token in
      if let occurrence = named[token.range.lower], token.class != .comment {
        // In a broken file, a name may be said to end behind its token.
        let range = SourceRange(occurrence.range.lower, min(occurrence.range.upper, token.range.upper))
        return SemanticToken(occurrence.entity.tokenKind, at: range, modifiers: occurrence.modifiers)
      }
      return token.class.semanticKind.map { SemanticToken($0, at: token.range, modifiers: token.class.modifiers) }
    }
  }
}

extension SourceRange {
  fileprivate func overlaps(_ other: SourceRange) -> Bool { lower < other.upper && other.lower < upper }
}

extension Occurrence {
  fileprivate var modifiers: SemanticToken.Modifiers {
    var found: SemanticToken.Modifiers = []
    if access == .declaration { found.insert(.declaration) }
    if access == .write { found.insert(.modification) }
    switch entity {
    case .predefined, .library, .predefinedField: found.insert(.predefined)
    default: break
    }
    return found
  }
}

extension Entity {
  /// The kind of the words that name it.
  public var tokenKind: SemanticToken.Kind {
    switch self {
    case .type: .type
    case .enumeration: .enumeration
    case .enumValue: .enumMember
    case .constant: .constant
    case .function, .library: .function
    case .role: .role
    case .event: .event
    case .action: .action
    case .flow: .flow
    case .field, .predefinedField: .property
    case .parameter: .parameter
    case .state: .state
    case .data, .stateField: .data
    case .definition, .call: .definition
    case .failure: .code
    case .local, .predefined, .alias: .variable
    case .file: .string
    }
  }
}
