import FlowSource
import Testing

@testable import CEL

/// The cost of regular expressions.
@Suite("Cost of regular expressions") struct PatternTests {
  private func environment() -> Environment {
    var environment = Environment()
    environment.declare(variable: "text", type: .string)
    environment.declare(variable: "pattern", type: .string)
    environment.declare(variable: "patterns", type: .list(.string))
    return environment
  }

  @Test("a pattern that needs too much memory is rejected", arguments: ["1\\PN{300}", "(\\pL{100}){20}"])
  func tooLarge(_ pattern: String) throws {
    let error = #expect(throws: CompilationError.self) {
      try environment().compile("text.matches(r'\(pattern)')", expecting: .bool)
    }
    #expect(error?.diagnostics.map(\.code) == ["F207"])
  }

  @Test("equal patterns are compiled once") func equalPatterns() throws {
    let text = (0..<200).map { _ in "text.matches(r'^\\pL{1,50}$')" }.joined(separator: " || ")
    let program = try environment().compile(text, expecting: .bool)
    #expect(program.code.patterns.count == 1)
    #expect(try program.evaluate(["text": .string("abc")]) == .bool(true))
  }

  @Test("the patterns of an expression are limited together", .timeLimit(.minutes(5))) func manyPatterns() throws {
    let text = (1...100).map { "text.matches(r'^\\pL{1,\($0)}$')" }.joined(separator: " || ")
    let error = #expect(throws: CompilationError.self) { try environment().compile(text, expecting: .bool) }
    #expect(error?.diagnostics.map(\.code) == ["F207"])
    #expect(error?.diagnostics.first?.message == "the patterns of this expression are too large together")
  }

  @Test("constant calls with large patterns are limited as well", .timeLimit(.minutes(5))) func foldedPatterns() throws
  {
    let text = (1...100).map { "'a'.matches(r'^\\pL{1,\($0)}$')" }.joined(separator: " && ")
    #expect(throws: CompilationError.self) { try environment().compile(text, expecting: .bool) }
  }

  @Test("compiling computed patterns costs fuel", .timeLimit(.minutes(5))) func computedPatterns() throws {
    let program = try environment().compile("patterns.exists(p, text.matches(p))", expecting: .bool)
    let patterns = (1...1000).map { Value.string("^\\pL{1,\($0 % 50 + 1)}\($0)$") }
    let error = #expect(throws: EvaluationError.self) {
      try program.evaluate(["text": .string("x"), "patterns": .list(patterns)])
    }
    #expect(error?.isLimit == true)
  }

  @Test("failed compilations cost fuel", .timeLimit(.minutes(5))) func failedPatterns() throws {
    let program = try environment().compile("patterns.exists(p, text.matches(p))", expecting: .bool)
    let patterns = (1...1000).map { Value.string("\($0)\\PN{300}") }
    let error = #expect(throws: EvaluationError.self) {
      try program.evaluate(["text": .string("x"), "patterns": .list(patterns)])
    }
    #expect(error?.isLimit == true)
  }

  @Test("searching costs fuel by the size of pattern and text", .timeLimit(.minutes(5))) func searching() throws {
    let program = try environment().compile("text.matches(r'\\pL{1,50}z')", expecting: .bool)
    let long = Value.string(String(repeating: "ab9", count: 100_000))
    let error = #expect(throws: EvaluationError.self) { try program.evaluate(["text": long]) }
    #expect(error?.isLimit == true)
    let small = try environment().compile("text.matches('[0-9]{4}z')", expecting: .bool)
    #expect(try small.evaluate(["text": long]) == .bool(false))
  }
}
