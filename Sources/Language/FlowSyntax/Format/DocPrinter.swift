import FlowSource

/// Writes a ``Doc`` in lines of ``maximumColumns`` where that is possible.
///
/// White space is deferred until text follows, so that no line ends in it.
/// - Complexity: O(n) for n bytes of text: each look-ahead ends at the margin.
struct DocPrinter {
  /// The maximum width of a line, in Unicode scalars.
  static let maximumColumns = 100

  private enum Mode { case flat, broken }

  private struct Command {
    var indent: Int
    var mode: Mode
    var doc: Doc
  }

  let source: SourceFile
  private(set) var output: [UInt8] = []
  private var column = 0
  private var stack: [Command] = []
  /// The white space before the next text: line ends with an indent, or spaces.
  private var newlines = 0
  private var pendingIndent: Int?
  private var spaces = 0

  init(source: SourceFile) { self.source = source }

  mutating func print(_ doc: Doc) {
    stack.append(Command(indent: 0, mode: .broken, doc: doc))
    while let command = stack.popLast() { print(command) }
  }

  private mutating func print(_ command: Command) {
    switch command.doc {
    case .token(let range): write(source.slice(range), indent: command.indent)
    case .space: spaces = 1
    case .line(let count):
      if command.mode == .flat { spaces = count } else { breakLine(command.indent) }
    case .hardLine: breakLine(command.indent)
    case .blankLine:
      breakLine(command.indent)
      if !output.isEmpty { newlines = 2 }
    case .comment(let range, let isTrailing): writeComment(range, isTrailing: isTrailing, indent: command.indent)
    case .concat(let parts):
      for part in parts.reversed() { push(part, indent: command.indent, mode: command.mode) }
    case .indent(let count, let inner): push(inner, indent: command.indent + count, mode: command.mode)
    case .hang(let count, let inner):
      push(inner, indent: command.indent + (command.mode == .broken ? count : 0), mode: command.mode)
    case .group(let inner):
      let isFlat = command.mode == .flat || fits(inner, indent: command.indent)
      push(inner, indent: command.indent, mode: isFlat ? .flat : .broken)
    case .fresh(let inner): push(inner, indent: command.indent, mode: .broken)
    case .commaWhenFlat:
      if command.mode == .flat { write([UInt8(ascii: ",")], indent: command.indent) }
    }
  }

  private mutating func push(_ doc: Doc, indent: Int, mode: Mode) {
    stack.append(Command(indent: indent, mode: mode, doc: doc))
  }

  // MARK: - Writing

  private mutating func breakLine(_ indent: Int) {
    guard !output.isEmpty else { return }
    newlines = max(newlines, 1)
    pendingIndent = indent
  }

  private mutating func write(_ bytes: some BidirectionalCollection<UInt8>, indent: Int) {
    if newlines > 0 {
      output += repeatElement(UInt8(ascii: "\n"), count: newlines)
      spaces = pendingIndent ?? indent
      column = 0
      newlines = 0
      pendingIndent = nil
    }
    output += repeatElement(UInt8(ascii: " "), count: spaces)
    output += bytes
    column += spaces + width(bytes)
    spaces = 0
    if let last = bytes.lastIndex(of: UInt8(ascii: "\n")) { column = width(bytes[bytes.index(after: last)...]) }
  }

  private mutating func writeComment(_ range: SourceRange, isTrailing: Bool, indent: Int) {
    if isTrailing, newlines == 0 {
      spaces = 2
    } else if !output.isEmpty {
      newlines = max(newlines, 1)
    }
    write(source.slice(range), indent: indent)
    newlines = 1
  }

  private func width(_ bytes: some Collection<UInt8>) -> Int {
    bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
  }

  // MARK: - Looking ahead

  /// A document that is being measured, and the next part of it.
  private struct Ahead {
    var command: Command
    var next = 0

    init(_ command: Command) { self.command = command }

    init(_ doc: Doc, in outer: Command) {
      command = outer
      command.doc = doc
    }
  }

  /// Returns whether `doc` and the following text up to the next line break fit on the line, and no comment splits
  /// them.
  private func fits(_ doc: Doc, indent: Int) -> Bool {
    let start = newlines > 0 ? pendingIndent ?? indent : column + spaces
    var measure = Measure(room: DocPrinter.maximumColumns - start)
    var ahead = [Ahead(Command(indent: indent, mode: .flat, doc: doc))]
    var rest = stack.count
    while measure.verdict == nil {
      if let next = ahead.popLast() {
        look(at: next, &ahead, &measure)
      } else if rest > 0 {
        measure.isInside = false
        rest -= 1
        ahead.append(Ahead(stack[rest]))
      } else {
        return true
      }
    }
    return measure.verdict ?? true
  }

  private func look(at item: Ahead, _ ahead: inout [Ahead], _ measure: inout Measure) {
    let isFlat = item.command.mode == .flat
    switch item.command.doc {
    case .token(let range): measure.add(source.slice(range))
    case .commaWhenFlat: measure.room -= isFlat ? 1 : 0
    case .space: measure.room -= 1
    case .line(let count):
      if isFlat { measure.room -= count } else { measure.verdict = true }
    case .hardLine, .blankLine: measure.verdict = measure.hasText || !measure.isInside ? true : nil
    case .comment: measure.measureComment(indent: item.command.indent)
    case .concat(let parts):
      guard item.next < parts.count else { return }
      var rest = item
      rest.next += 1
      ahead.append(rest)
      ahead.append(Ahead(parts[item.next], in: item.command))
    case .indent(_, let inner), .hang(_, let inner), .group(let inner):
      ahead.append(Ahead(inner, in: item.command))
    case .fresh(let inner):
      var next = Ahead(inner, in: item.command)
      next.command.mode = .broken
      ahead.append(next)
    }
  }

  /// The result of looking ahead.
  private struct Measure {
    var room: Int
    /// True while the measured part belongs to the group itself.
    var isInside = true
    var hasText = false
    private var hasComment = false
    var verdict: Bool?

    init(room: Int) { self.room = room }

    mutating func add(_ bytes: ArraySlice<UInt8>) {
      if hasComment {
        verdict = !isInside
        return
      }
      hasText = true
      for byte in bytes where byte & 0xC0 != 0x80 {
        if byte == UInt8(ascii: "\n") {
          verdict = room >= 0
          return
        }
        room -= 1
      }
      if room < 0 { verdict = false }
    }

    /// A comment before all text only moves it to the next line; after text, nothing may follow it in the group.
    mutating func measureComment(indent: Int) {
      if hasText {
        hasComment = true
      } else {
        room = DocPrinter.maximumColumns - indent
      }
    }
  }
}
