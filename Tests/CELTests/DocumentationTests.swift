import FlowJSON
import Foundation
import Testing

@testable import CEL

/// The documented properties of expressions are correct.
@Suite struct DocumentationTests {
  static let examples: [(String, String)] = {
    let page = (try? String(contentsOfFile: "Docs/cel.md", encoding: .utf8)) ?? ""
    return page.split(separator: "\n").compactMap { line in
      let parts = line.components(separatedBy: " => ")
      return parts.count == 2 ? (parts[0].trimmingCharacters(in: .whitespaces), parts[1]) : nil
    }
  }()

  @Test("the documentation has examples") func examplesExist() { #expect(DocumentationTests.examples.count > 50) }

  @Test("each documented example has its value", arguments: examples)
  func example(_ text: String, _ json: String) throws {
    let environment = Environment()
    let typed = try #require(environment.check(parse(text).0).expression)
    let program = try ExpressionProgram(typed, types: environment.types)
    let evaluator = Evaluator(types: environment.types)
    let value = evaluator.value(try evaluator.evaluate(program, frame: Frame(count: 1)))
    #expect(value.json(in: environment.types).text() == json)
  }
}
