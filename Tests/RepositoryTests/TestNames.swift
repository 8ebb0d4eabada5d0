import FlowTestSupport
import Foundation
import Testing

/// The display names of the tests: each test has one, in plain English.
@Suite struct TestNames {
  /// A `@Test` or `@Suite` attribute with its location and display name.
  private struct Attribute {
    var location: String
    var isTest: Bool
    var displayName: String?
  }

  private static let attributes: [Attribute] = Repository.swiftFiles(below: "Tests").flatMap { url in
    let lines = Repository.lines(of: url).map { $0.drop { $0 == " " } }
    return lines.indices.compactMap { index -> Attribute? in
      let line = lines[index]
      let isTest = startsAttribute(line, "@Test")
      guard isTest || startsAttribute(line, "@Suite") else { return nil }
      var arguments = line.drop { $0 != "(" }.dropFirst()
      // The arguments of a long attribute start on the next line.
      if arguments.isEmpty, index + 1 < lines.count { arguments = lines[index + 1] }
      return Attribute(
        location: "\(Repository.path(of: url)):\(index + 1)", isTest: isTest, displayName: literal(arguments))
    }
  }

  /// Whether a line starts with an attribute, and not with a longer name.
  private static func startsAttribute(_ line: Substring, _ attribute: String) -> Bool {
    guard line.hasPrefix(attribute) else { return false }
    return line.dropFirst(attribute.count).first.map { $0 == "(" || $0 == " " } ?? true
  }

  /// The contents of the string literal at the start of a text; nil if there is none.
  private static func literal(_ text: Substring) -> String? {
    guard text.utf8.first == UInt8(ascii: "\"") else { return nil }
    var contents: [UInt8] = []
    var isEscaped = false
    for byte in text.utf8.dropFirst() {
      if byte == UInt8(ascii: "\""), !isEscaped { return String(decoding: contents, as: UTF8.self) }
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      contents.append(byte)
    }
    return nil
  }

  @Test("every test has a display name")
  func displayNames() {
    let tests = TestNames.attributes.filter(\.isTest)
    #expect(tests.count > 700, "the scanner finds the tests")
    for test in tests where test.displayName?.isEmpty ?? true {
      Issue.record("\(test.location): name the checked behaviour, for example @Test(\"an expired key is rejected\")")
    }
  }

  @Test("display names use no retired words")
  func retiredWords() {
    for attribute in TestNames.attributes {
      for retired in PlainEnglish.retiredExpressions(in: attribute.displayName ?? "") {
        Issue.record("\(attribute.location): `\(retired.expression)` is retired; write: \(retired.plain)")
      }
    }
  }
}
