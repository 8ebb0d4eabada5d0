import CEL
import FlowSource

// Missing and extra braces. Where their number does not add up, the indentation shows which one is wrong: a line that
// is no deeper than the line of an open brace is outside its block.
extension Recovery {
  private struct Open {
    var index: Int
    var indentation: Int
    var line: Int
  }

  /// One wrong brace: where the stream changes, and the message.
  private struct BraceMistake {
    var range: Range<Int>
    var items: [TokenStream.Item]
    var diagnostic: Diagnostic
  }

  mutating func repairBraces() {
    let reader = TokenReader(source, stream)
    let balance = stream.tokens.reduce(0) { $0 + ($1.kind == .leftBrace ? 1 : $1.kind == .rightBrace ? -1 : 0) }
    guard balance != 0, abs(balance) <= Parser.maximumDiagnostics else { return }
    if balance < 0, removeDoubledClosing(reader) { return repairBraces() }
    // A missing `{` shows where the parser expects it.
    if balance < 0, repairMissingOpening(reader) { return repairBraces() }
    let mistakes = braceMistakes(reader)
    guard mistakes.count == abs(balance) else { return }
    for mistake in mistakes { report(mistake.diagnostic) }
    for mistake in mistakes.reversed() { stream = stream.replacing(mistake.range, with: mistake.items) }
  }

  /// Removes a `}` that follows another one on its line, where the first error of the file goes away without it.
  private mutating func removeDoubledClosing(_ reader: TokenReader) -> Bool {
    var parser = Parser(source, stream)
    _ = parser.parseFile()
    guard let error = parser.syntaxErrors.first else { return false }
    let isDoubled = { (index: Int) in
      reader.kind(index) == .rightBrace && reader.kind(index - 1) == .rightBrace && !reader.isFirstOnLine(index)
    }
    guard let location = [error.index, error.index - 1].first(where: isDoubled),
      braceMistakes(reader).first?.range.lowerBound != location
    else { return false }
    let mended = stream.replacing(location..<(location + 1), with: [])
    var trial = Parser(source, mended)
    _ = trial.parseFile()
    guard trial.syntaxErrors.first.map({ $0.index > error.index + Recovery.success }) ?? true else { return false }
    report(
      Diagnostic(
        "F101", "`}` is written twice", at: reader.range(location), label: "the second one",
        fixes: [Fix("remove `}`", .maybe, [.init(reader.range(location), "")])]))
    stream = mended
    return true
  }

  /// Inserts a `{` where the first error of the file is that it is missing.
  private mutating func repairMissingOpening(_ reader: TokenReader) -> Bool {
    var parser = Parser(source, stream)
    _ = parser.parseFile()
    guard let error = parser.syntaxErrors.first else { return false }
    if error.diagnostic.message.hasPrefix("expected `{`") { return insertOpening(at: error.index, error.diagnostic) }
    // Several statements after `do`, `entry` or `exit` need braces.
    if let keyword = unbracedActions(before: error.index, reader) {
      return insertOpening(
        at: keyword + 1,
        Diagnostic(
          "F101", "several actions need braces", at: reader.range(error.index), label: "a second action",
          labels: [.init(reader.range(keyword), "expected `{` after this")]))
    }
    // Else it is missing on the line of the error, if one position there mends the line.
    let end = reader.lineEnd(error.index)
    for location in (reader.lineStart(error.index) + 1...max(error.index, reader.lineStart(error.index) + 1)).reversed()
    {
      let range = SourceRange(reader.range(location - 1).upper, reader.range(location - 1).upper)
      var trial = Parser(source, stream.replacing(location..<location, with: [.init(.leftBrace, range)]))
      _ = trial.parseFile()
      guard trial.syntaxErrors.first.map({ $0.index > end + 1 }) ?? true else { continue }
      return insertOpening(
        at: location,
        Diagnostic("F101", "a `{` is missing", at: reader.range(location), label: "expected `{` before this"))
    }
    return false
  }

  private mutating func insertOpening(at location: Int, _ diagnostic: Diagnostic) -> Bool {
    let position = location > 0 ? TokenReader(source, stream).range(location - 1).upper : 0
    var diagnostic = diagnostic
    diagnostic.fixes = [Fix("insert `{`", .maybe, [.init(SourceRange(position, position), " {")])]
    report(diagnostic)
    stream = stream.replacing(location..<location, with: [.init(.leftBrace, SourceRange(position, position))])
    return true
  }

  private func unbracedActions(before index: Int, _ reader: TokenReader) -> Int? {
    guard reader.kind(index) == .identifier, [.assign, .leftParen, .identifier].contains(reader.kind(index + 1)) else {
      return nil
    }
    var position = index - 1
    while position > 0, index - position < 40, reader.kind(position) != .leftBrace, reader.kind(position) != .rightBrace
    {
      if ["do", "entry", "exit"].contains(reader.word(position)), reader.line(position) < reader.line(index) {
        return position
      }
      position -= 1
    }
    return nil
  }

  private func braceMistakes(_ reader: TokenReader) -> [BraceMistake] {
    var stack: [Open] = []
    var mistakes: [BraceMistake] = []
    // Counted incrementally, because searching back to the start of a long line costs linear time.
    var line = 0
    var indentation = 0
    for index in 0..<reader.count {
      let kind = reader.kind(index)
      let isFirst = reader.isFirstOnLine(index)
      if isFirst {
        line += 1
        indentation = reader.indentation(index)
      }
      if isFirst, kind != .rightBrace {
        while let top = stack.last, indentation <= top.indentation, line > top.line {
          mistakes.append(unclosed(top.index, before: index, reader))
          stack.removeLast()
        }
      }
      switch kind {
      case .leftBrace:
        if index > 0, reader.kind(index - 1) == .leftBrace, !isFirst {
          mistakes.append(doubled(index, reader))
          continue
        }
        stack.append(Open(index: index, indentation: indentation, line: line))
      case .rightBrace:
        if isFirst {
          while let top = stack.last, top.indentation > indentation, stack.count > 1, line > top.line {
            mistakes.append(unclosed(top.index, before: index, reader))
            stack.removeLast()
          }
        }
        guard let top = stack.last, !isExtra(index, closing: top, reader) else {
          mistakes.append(extra(index, reader))
          continue
        }
        stack.removeLast()
      case .endOfFile:
        for open in stack.reversed() { mistakes.append(unclosed(open.index, before: index, reader)) }
      default: break
      }
    }
    return mistakes
  }

  /// A line that follows a closing brace and is deeper than the block belongs to the block still.
  private func isExtra(_ index: Int, closing open: Open, _ reader: TokenReader) -> Bool {
    let next = index + 1
    guard reader.kind(next) != .endOfFile, reader.isFirstOnLine(next) else { return false }
    return reader.indentation(next) > open.indentation
  }

  // MARK: - Messages

  private func unclosed(_ open: Int, before index: Int, _ reader: TokenReader) -> BraceMistake {
    let location = index > 0 ? reader.range(index - 1).upper : 0
    let line = source.line(reader.line(open)).drop { $0 == " " || $0 == "\t" }
    let head = line.prefix { $0 != "{" }.trimmingSpaces
    let indent = String(repeating: " ", count: reader.indentation(open))
    return BraceMistake(
      range: index..<index, items: [.init(.rightBrace, SourceRange(location, location))],
      diagnostic: Diagnostic(
        "F101", "this `{` is not closed", at: reader.range(open), label: "opened here",
        labels: [.init(SourceRange(location, location), "expected `}` after this")],
        help: head.isEmpty ? "close it with `}`" : "close the block of `\(head)` with `}`",
        fixes: [Fix("insert `}`", .maybe, [.init(SourceRange(location, location), "\n\(indent)}")])]))
  }

  private func extra(_ index: Int, _ reader: TokenReader) -> BraceMistake {
    BraceMistake(
      range: index..<(index + 1), items: [],
      diagnostic: Diagnostic(
        "F101", "this `}` closes nothing", at: reader.range(index), label: "no open block", help: "remove it",
        fixes: [Fix("remove `}`", .maybe, [.init(reader.range(index), "")])]))
  }

  private func doubled(_ index: Int, _ reader: TokenReader) -> BraceMistake {
    BraceMistake(
      range: index..<(index + 1), items: [],
      diagnostic: Diagnostic(
        "F101", "`{` is written twice", at: reader.range(index), label: "the second one", help: "remove one of them",
        fixes: [Fix("remove `{`", .maybe, [.init(reader.range(index), "")])]))
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var rest = self
    while rest.last == " " { rest = rest.dropLast() }
    return rest
  }
}
