import CEL
import FlowChecker
public import FlowSource
public import FlowSyntax

/// One file of a workspace with its syntax tree. Its ranges begin at 0.
public struct SourceUnit: Sendable {
  public let source: SourceFile
  public let parsed: ParsedFile

  /// Parses a file.
  /// - Parameter path: The name under which other files import it.
  public init(path: String, text: [UInt8]) {
    source = SourceFile(name: path, text: text)
    parsed = parse(source)
  }

  public var path: String { source.name }

  /// The files that it imports, by their paths.
  public var importedPaths: [String] {
    parsed.declarations.compactMap { declaration in
      if case .importing(let node) = declaration, !node.path.isEmpty {
        resolvedPath(node.path, from: path)
      } else {
        nil
      }
    }
  }

  func text(_ range: SourceRange) -> String { source.string(range) }

  /// The tokens without the end of the file.
  var tokens: ArraySlice<Token> { parsed.tokens.dropLast() }

  /// The index of the first token that ends after an offset.
  /// - Complexity: O(log tokens).
  func tokenIndex(endingAfter offset: UInt32) -> Int {
    var (low, high) = (0, parsed.tokens.count)
    while low < high {
      let middle = (low + high) / 2
      if parsed.tokens[middle].range.upper <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The identifier that contains an offset or ends at it.
  func word(at offset: UInt32) -> Token? {
    let index = tokenIndex(endingAfter: offset)
    let candidates = [index, index - 1].filter { parsed.tokens.indices.contains($0) }.map { parsed.tokens[$0] }
    return candidates.first {
      ($0.kind == .identifier || $0.kind == .quotedIdentifier) && $0.range.lower <= offset && offset <= $0.range.upper
    }
  }

  /// The whole text as a range.
  public var range: SourceRange { source.range }
}

/// A range of a file.
public struct Place: Hashable, Sendable {
  /// The path of the file.
  public var file: String
  public var range: SourceRange

  public init(file: String, range: SourceRange) {
    self.file = file
    self.range = range
  }
}

/// A replacement of a part of a file.
public struct TextEdit: Hashable, Sendable {
  public var location: Place
  public var text: String

  public init(_ location: Place, _ text: String) {
    self.location = location
    self.text = text
  }
}
