import FlowSource

/// A document whose line breaks are not yet decided.
///
/// The algebra is Wadler's ("A prettier printer", 2003) with the breaking groups of Oppen's printer: a group is written
/// on one line if it fits, otherwise all its own lines break.
indirect enum Doc: Sendable {
  /// A run of the source, verbatim: a token.
  case token(SourceRange)
  case space
  /// A line break, or that many spaces when the enclosing group is flat.
  case line(Int)
  case hardLine
  /// A hard line preceded by an empty one.
  case blankLine
  /// A comment from `//` to the end of its line; the following text starts a new line.
  case comment(SourceRange, isTrailing: Bool)
  case concat([Doc])
  case indent(Int, Doc)
  /// Indented only when the enclosing group is broken.
  case hang(Int, Doc)
  case group(Doc)
  /// Separate lines within a group that may be flat: decided again, independent of the enclosing group.
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
