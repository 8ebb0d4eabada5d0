import FlowTestSupport
import Foundation
import Testing

/// Retired words and sentence openings in messages and comments; `Docs/style.md` has the alternatives.
@Suite struct PlainEnglish {
  /// The retired expressions in the comments and string literals of the sources, with their locations.
  static let words: [String] = Repository.sources.flatMap { url in
    let comments = Repository.lines(of: url).enumerated().filter { $0.element.drop { $0 == " " }.hasPrefix("//") }
      .map { (line: $0.offset + 1, text: String($0.element)) }
    return (SwiftScanner(Repository.text(of: url)).literals + comments).flatMap { line, text in
      retiredExpressions(in: text).map {
        "\(Repository.path(of: url)):\(line) `\($0.expression)`, instead: \($0.plain)"
      }
    }
  }

  /// A retired expression, split into words.
  struct Expression {
    var words: [Substring]
    var expression: String
    var plain: String
  }

  /// The retired expressions by their first word.
  private static let retired: [Substring: [Expression]] = Dictionary(
    grouping: DocumentRules.retired.map {
      Expression(words: $0.expression.split(separator: " "), expression: $0.expression, plain: $0.plain)
    }, by: { $0.words[0] })

  /// The retired expressions that a text contains as whole words.
  static func retiredExpressions(in text: String) -> [Expression] {
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let words = text.lowercased().utf8.split { !letters.contains($0) }.map(Substring.init)
    return words.indices.flatMap { index in
      (retired[words[index]] ?? []).filter { words[index...].starts(with: $0.words) }
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
  func retiredWords() { expect(PlainEnglish.words, atMost: 0) }

  @Test("a doc comment opens with a noun phrase or a verb")
  func openingsOfDocComments() { expect(PlainEnglish.openings, atMost: 0) }
}
