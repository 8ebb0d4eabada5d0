import FlowSource

/// The white space and comments between two tokens.
struct Gap {
  struct Comment {
    var range: SourceRange
    /// True if an empty line precedes it.
    var hasBlankLine: Bool
  }

  /// The comment on the line of the preceding token.
  private(set) var trailing: SourceRange?
  /// The comments on separate lines.
  private(set) var comments: [Comment] = []
  private(set) var hasNewline = false
  /// True if an empty line directly precedes the next token.
  private(set) var endsInBlankLine = false

  /// True if an empty line precedes the first comment, or the token when it has no comments.
  var startsWithBlankLine: Bool { comments.first?.hasBlankLine ?? endsInBlankLine }

  /// No white space and no comment.
  init() {}

  /// - Parameter isFirst: True if no token precedes, so that no comment trails one.
  init(_ range: SourceRange, in source: SourceFile, isFirst: Bool) {
    let bytes = source.slice(range)
    guard bytes.count > 1 || bytes.first == UInt8(ascii: "\n") else { return }
    var lineEnds = isFirst ? 1 : 0
    var at = bytes.startIndex
    while at < bytes.endIndex {
      if bytes[at] == UInt8(ascii: "\n") {
        lineEnds += 1
        hasNewline = true
        at += 1
      } else if bytes[at] == UInt8(ascii: "/") {
        let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
        let comment = Gap.trimmed(bytes[at..<end])
        let lower = source.base + UInt32(comment.startIndex)
        add(SourceRange(lower, lower + UInt32(comment.count)), lineEnds: lineEnds)
        lineEnds = 0
        at = end
      } else {
        at += 1
      }
    }
    endsInBlankLine = lineEnds > 1
  }

  private mutating func add(_ range: SourceRange, lineEnds: Int) {
    if lineEnds == 0 {
      trailing = range
    } else {
      comments.append(Comment(range: range, hasBlankLine: lineEnds > 1))
    }
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line
    while let last = line.last, last == 0x20 || last == 0x09 || last == 0x0D || last == 0x0C { line.removeLast() }
    return line
  }
}
