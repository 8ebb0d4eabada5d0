import FlowSource

/// A document whose line breaks are not yet decided.
///
/// The algebra is Wadler's ("A prettier printer", 2003) with the breaking groups of Oppen's printer: a group is laid
/// out on one line when that fits, otherwise all its own lines break.
indirect enum Doc: Sendable {
  /// A run of the source, verbatim: a token.
  case token(SourceRange)
  case space
  /// A line break, or that many spaces when the group around it is flat.
  case line(Int)
  case hardLine
  /// A hard line with an empty one before it.
  case blankLine
  /// A comment from `//` to the end of its line; what follows starts a new one.
  case comment(SourceRange, isTrailing: Bool)
  case concat([Doc])
  case indent(Int, Doc)
  /// Indented only when the group around it is broken.
  case hang(Int, Doc)
  case group(Doc)
  /// Lines of their own within a group that may be flat: decided again, independent of the enclosing group.
  case fresh(Doc)
  /// A comma that the formatter adds when the group is flat.
  case commaWhenFlat

  static let empty = Doc.concat([])
  /// Nothing when flat.
  static let softLine = Doc.line(0)

  /// True if it never fits on one line.
  var hasHardBreak: Bool {
    switch self {
    case .token, .space, .line, .commaWhenFlat: false
    case .hardLine, .blankLine, .comment, .fresh: true
    case .concat(let parts): parts.contains(where: \.hasHardBreak)
    case .indent(_, let inner), .hang(_, let inner), .group(let inner): inner.hasHardBreak
    }
  }
}
