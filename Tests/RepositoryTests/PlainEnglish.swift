import FlowTestSupport
import Foundation
import Testing

/// Retired words and sentence openings in messages and comments; `Docs/style.md` has the alternatives.
@Suite struct PlainEnglish {
  /// Retired words, with the replacement.
  static var retired: [(word: Regex<Substring>, instead: String)] {
    [
      (/\b[Ww]hoever\b/, "the caller, the client, the user"), (/\b[Ss]omebody\b/, "a user, a client"),
      (/\b[Nn]obody\b/, "no user, no client"), (/\banew\b/, "again"), (/\bfor ever\b/, "indefinitely"),
      (/\bcomes? of it\b/, "the result, the outcome"), (/\b[Hh]ear[sd]?\b/, "report, receive"),
      (/\bdeeds?\b/, "operation"), (/\bis none\b/, "is not a …"), (/\bin form\b/, "formatted"),
      (/\b[Bb]esides\b/, "except, in addition to"), (/\bgoes on\b/, "continues"), (/\bbegins? anew\b/, "starts again"),
      (/\btakes nothing\b/, "rejects all"), (/\bbelie[vf]/, "trust"), (/\b[Bb]ehind\b/, "after"),
    ]
  }

  static let words: [String] = {
    let retired = PlainEnglish.retired
    return Repository.sources.flatMap { url in
      let text = Repository.text(of: url)
      let comments = Repository.lines(of: url).enumerated().filter { $0.element.drop { $0 == " " }.hasPrefix("//") }
        .map { (line: $0.offset + 1, text: String($0.element)) }
      return (SwiftScanner(text).literals + comments).flatMap { line, text in
        retired.filter { text.contains($0.word) }.map {
          "\(Repository.path(of: url)):\(line) instead: \($0.instead)"
        }
      }
    }
  }()

  static let openings: [String] = Repository.sources.flatMap { url in
    let lines = Repository.lines(of: url)
    return lines.indices.filter { index in
      lines[index].firstMatch(of: /^ *\/\/\/ (?:What|Whether|How|Who|Where|Why|When)\b/) != nil
        && (index == 0 || !lines[index - 1].drop { $0 == " " }.hasPrefix("///"))
    }.map { "\(Repository.path(of: url)):\($0 + 1)" }
  }

  @Test("messages and comments use no retired words")
  func retiredWords() {
    let found = PlainEnglish.words
    if ProcessInfo.processInfo.environment["RATCHETS"] != nil { print("retired words: \(found.count)") }
    #expect(found.count <= 400, "\(found.count)\n\(found.joined(separator: "\n"))")
  }

  @Test("a doc comment opens with a noun phrase or a verb")
  func openingsOfDocComments() {
    let found = PlainEnglish.openings
    if ProcessInfo.processInfo.environment["RATCHETS"] != nil { print("openings: \(found.count)") }
    #expect(found.count <= 900, "\(found.count)\n\(found.joined(separator: "\n"))")
  }
}
