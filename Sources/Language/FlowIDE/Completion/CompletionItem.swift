public import FlowSource

/// A proposal for the text at the cursor.
public struct CompletionItem: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case state, event, action, flow, role, type, enumValue, field, variable, constant, function, keyword, snippet, file
    case code
  }

  public var label: String
  public var kind: Kind
  /// A type or a signature.
  public var detail: String
  /// Markdown.
  public var documentation: String
  /// The text to insert; with `$1` and `$0` for the stops of the cursor when it is a snippet.
  public var insertion: String
  public var isSnippet: Bool
  /// The order of groups: smaller is better.
  public var rank: Int

  public init(
    _ label: String, _ kind: Kind, detail: String = "", documentation: String = "", insertion: String? = nil,
    isSnippet: Bool = false, rank: Int = 0
  ) {
    self.label = label
    self.kind = kind
    self.detail = detail
    self.documentation = documentation
    self.insertion = insertion ?? label
    self.isSnippet = isSnippet
    self.rank = rank
  }
}

/// The proposals for one position.
public struct CompletionList: Hashable, Sendable {
  /// The part of the text that a proposal replaces.
  public var range: SourceRange
  /// Best first.
  public var items: [CompletionItem]
}
