import CEL
public import FlowSource
import FlowSyntax

/// A part of a file that an editor can fold.
public struct FoldingRange: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable { case region, comment, imports }

  /// Lines from 1.
  public var first: Int
  /// Lines from 1; the line of a closing brace stays visible.
  public var last: Int
  public var kind: Kind
}

extension SourceUnit {
  /// The blocks in braces, brackets and parentheses over several lines, runs of comments, and the imports.
  public var foldingRanges: [FoldingRange] {
    var found: [FoldingRange] = []
    var open: [(kind: TokenKind, line: Int)] = []
    for token in tokens {
      switch token.kind {
      case .leftBrace, .leftBracket, .leftParen: open.append((token.kind, line(token.range.lower)))
      case .rightBrace, .rightBracket, .rightParen:
        guard let start = open.popLast() else { break }
        let end = line(token.range.lower) - 1
        if end > start.line { found.append(FoldingRange(first: start.line, last: end, kind: .region)) }
      default: break
      }
    }
    return (found + commentRanges + importRanges).sorted { ($0.first, $0.last) < ($1.first, $1.last) }
  }

  private func line(_ offset: UInt32) -> Int { source.position(of: offset).line }

  private var commentRanges: [FoldingRange] {
    var found: [FoldingRange] = []
    var first: Int?
    for number in 1...source.lineCount + 1 {
      let text = number <= source.lineCount ? source.line(number).drop { $0 == " " || $0 == "\t" } : ""
      let isComment = text.hasPrefix("//")
      if isComment, first == nil { first = number }
      if let start = first, !isComment {
        if number - 1 > start { found.append(FoldingRange(first: start, last: number - 1, kind: .comment)) }
        first = nil
      }
    }
    return found
  }

  private var importRanges: [FoldingRange] {
    let lines = parsed.declarations.compactMap { declaration -> Int? in
      guard case .importing(let node) = declaration else { return nil }
      return line(node.range.lower)
    }
    guard let first = lines.first, let last = lines.last, last > first else { return [] }
    return [FoldingRange(first: first, last: last, kind: .imports)]
  }

  // MARK: - Selection

  /// The ranges around an offset, innermost first: the word, the brackets, the declarations, the file.
  public func selectionRanges(at offset: UInt32) -> [SourceRange] {
    var found = [range]
    for item in outline { add(item, at: offset, to: &found) }
    var open: [SourceRange] = []
    for token in tokens {
      switch token.kind {
      case .leftBrace, .leftBracket, .leftParen: open.append(token.range)
      case .rightBrace, .rightBracket, .rightParen:
        guard let start = open.popLast() else { continue }
        if start.lower <= offset, offset <= token.range.upper {
          found.append(SourceRange(start.lower, token.range.upper))
          if start.upper <= offset, offset <= token.range.lower {
            found.append(SourceRange(start.upper, token.range.lower))
          }
        }
      default: if token.range.lower <= offset, offset <= token.range.upper { found.append(token.range) }
      }
    }
    var nested: [SourceRange] = []
    for range in Set(found).sorted(by: { ($0.upper - $0.lower, $0.lower) < ($1.upper - $1.lower, $1.lower) }) {
      guard !range.isEmpty, nested.last.map({ range.lower <= $0.lower && $0.upper <= range.upper }) ?? true else {
        continue
      }
      nested.append(range)
    }
    return nested
  }

  private func add(_ item: OutlineItem, at offset: UInt32, to found: inout [SourceRange]) {
    guard item.range.lower <= offset, offset <= item.range.upper else { return }
    found.append(item.range)
    for child in item.children { add(child, at: offset, to: &found) }
  }
}
