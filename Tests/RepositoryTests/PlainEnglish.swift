import FlowTestSupport
import Foundation
import Testing

/// Retired words and sentence openings in messages and comments; `Docs/style.md` has the alternatives.
@Suite struct PlainEnglish {
  /// The retired expressions in the comments and string literals of the sources, with their places.
  static let words: [String] = Repository.sources.flatMap { url in
    let comments = Repository.lines(of: url).enumerated().filter { $0.element.drop { $0 == " " }.hasPrefix("//") }
      .map { (line: $0.offset + 1, text: String($0.element)) }
    return (SwiftScanner(Repository.text(of: url)).literals + comments).flatMap { line, text in
      let words = " " + text.lowercased().split { !$0.isLetter }.joined(separator: " ") + " "
      return DocumentRules.retired.filter { words.contains(" \($0.expression) ") }.map {
        "\(Repository.path(of: url)):\(line) `\($0.expression)`, instead: \($0.plain)"
      }
    }
  }

  /// Documentation comments that open with an interrogative instead of a noun phrase or a verb.
  static let openings: [String] = Repository.sources.flatMap { url in
    let words = ["What", "Whether", "How", "Who", "Where", "Why", "When"]
    let lines = Repository.lines(of: url).map { $0.drop { $0 == " " } }
    return lines.indices.filter { index in
      let isFirst = lines[index].hasPrefix("/// ") && (index == 0 || !lines[index - 1].hasPrefix("///"))
      return isFirst && words.contains { lines[index].dropFirst(4).hasPrefix("\($0) ") }
    }.map { "\(Repository.path(of: url)):\($0 + 1)" }
  }

  private func expect(_ findings: [String], atMost limit: Int) {
    if ProcessInfo.processInfo.environment["RATCHETS"] != nil { print("English: \(findings.count)") }
    #expect(findings.count <= limit, "\(findings.count), at most \(limit)\n\(findings.joined(separator: "\n"))")
  }

  @Test("messages and comments use no retired words")
  func retiredWords() { expect(PlainEnglish.words, atMost: 195) }

  @Test("a doc comment opens with a noun phrase or a verb")
  func openingsOfDocComments() { expect(PlainEnglish.openings, atMost: 277) }
}
