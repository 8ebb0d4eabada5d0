/// One text with its name and the table of its lines.
public struct SourceFile: Sendable {
  /// The name to display: a path as given, or `<expression>`.
  public let name: String
  /// The text as read, in UTF-8; it may be invalid.
  public let text: [UInt8]
  /// The offset of the first byte within the ``SourceSet``.
  public let base: UInt32
  private let lineStarts: [UInt32]

  /// - Complexity: O(n) in the length of the text.
  public init(name: String, text: [UInt8], base: UInt32 = 0) {
    self.name = name
    self.text = text
    self.base = base
    var starts: [UInt32] = [0]
    for (index, byte) in text.enumerated() where byte == UInt8(ascii: "\n") { starts.append(UInt32(index + 1)) }
    self.lineStarts = starts
  }

  public var range: SourceRange { SourceRange(base, base + UInt32(text.count)) }

  public var lineCount: Int { lineStarts.count }

  /// The bytes of `range`, cut to what the file holds.
  public func slice(_ range: SourceRange) -> ArraySlice<UInt8> {
    let lower = min(Int(max(range.lower, base) - base), text.count)
    let upper = min(Int(max(range.upper, base) - base), text.count)
    return text[lower..<max(lower, upper)]
  }

  public func string(_ range: SourceRange) -> String { String(decoding: slice(range), as: UTF8.self) }

  /// The position of a byte offset: lines and columns from 1, columns in Unicode scalars.
  /// - Complexity: O(log lines + length of the line).
  public func position(of offset: UInt32) -> SourcePosition {
    let local = min(offset >= base ? offset - base : 0, UInt32(text.count))
    let line = lineIndex(of: local)
    var column = 1
    for byte in text[Int(lineStarts[line])..<Int(local)] where byte & 0xC0 != 0x80 { column += 1 }
    return SourcePosition(line: line + 1, column: column, offset: Int(local))
  }

  /// The number of bytes before a line, numbered from 1.
  public func start(ofLine number: Int) -> Int { Int(lineStarts[min(max(number, 1), lineStarts.count) - 1]) }

  /// The text of a line, numbered from 1, without its end.
  public func line(_ number: Int) -> String {
    guard number >= 1, number <= lineStarts.count else { return "" }
    let lower = Int(lineStarts[number - 1])
    var upper = number < lineStarts.count ? Int(lineStarts[number]) - 1 : text.count
    if upper > lower, text[upper - 1] == UInt8(ascii: "\r") { upper -= 1 }
    return String(decoding: text[lower..<max(lower, upper)], as: UTF8.self)
  }

  /// The last line that starts at or before `local`, by binary search.
  private func lineIndex(of local: UInt32) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= local { low = middle } else { high = middle }
    }
    return low
  }
}

/// A position in a file.
public struct SourcePosition: Hashable, Sendable {
  /// From 1.
  public var line: Int
  /// From 1, in Unicode scalars.
  public var column: Int
  /// From 0, in bytes of the file.
  public var offset: Int

  public init(line: Int, column: Int, offset: Int) {
    self.line = line
    self.column = column
    self.offset = offset
  }
}
