import CEL
import FlowSource
import Testing

/// Every limit has a name and is reached here: the largest allowed input succeeds, the next one is a clear error.
@Suite struct LimitTests {
  private func nested(_ depth: Int) -> String {
    String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
  }

  @Test("the nesting of the text is limited") func nestingOfSource() throws {
    #expect(parse(nested(ExpressionParser.maximumDepth / 2)).1.isEmpty)
    let (_, problems) = parse(nested(ExpressionParser.maximumDepth * 2))
    #expect(problems.count == 1 && problems[0].code == "F101")
    #expect(problems[0].message.contains("nest") || problems[0].message.contains("deep"))
  }

  @Test("the length of the text is limited") func lengthOfSource() {
    let fits = String(repeating: " ", count: ExpressionParser.maximumSourceBytes - 1) + "1"
    #expect(parse(fits).1.isEmpty)
    #expect(parse(fits + " ").1.count == 1)
  }

  @Test("the fuel of an evaluation is limited") func stepsOfAnEvaluation() throws {
    let program = try Environment().compile("lists.range(1000).all(x, x >= 0)")
    #expect(try program.evaluate(limits: Limits(fuel: 50_000)) == .bool(true))
    expectLimit(program, Limits(fuel: 500), "steps")
  }

  @Test("the size of a string is limited") func sizeOfAString() throws {
    let program = try doubling("'ab'", 12)
    #expect(try program.evaluate(limits: Limits(valueBytes: 1 << 14)) == .int(2 << 12))
    expectLimit(program, Limits(valueBytes: 1 << 12), "")
  }

  @Test("the size of a list is limited") func sizeOfAList() throws {
    let program = try doubling("[1, 2]", 12)
    #expect(try program.evaluate(limits: Limits(valueBytes: 1 << 20)) == .int(2 << 12))
    expectLimit(program, Limits(valueBytes: 1 << 14), "")
  }

  @Test("the memory of an evaluation is limited") func memoryOfAnEvaluation() throws {
    let program = try doubling("'ab'", 16)
    expectLimit(program, Limits(memoryBytes: 1 << 16), "")
  }

  /// No operator absorbs a limit: neither `||` nor a macro continues after it.
  @Test("|| does not absorb a limit") func absorption() throws {
    let program = try Environment().compile("lists.range(1000).exists(x, x < 0) || true")
    expectLimit(program, Limits(fuel: 500), "steps")
  }

  /// Nested `cel.bind` of a value added to itself: its size doubles each time.
  private func doubling(_ start: String, _ times: Int) throws -> ExpressionProgram {
    var text = "x\(times).size()"
    for step in stride(from: times, through: 1, by: -1) {
      text = "cel.bind(x\(step), x\(step - 1) + x\(step - 1), \(text))"
    }
    return try Environment().compile("cel.bind(x0, \(start), \(text))")
  }

  private func expectLimit(
    _ program: ExpressionProgram, _ limits: Limits, _ word: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do throws(EvaluationError) {
      let value = try program.evaluate(limits: limits)
      Issue.record("it gave \(value)", sourceLocation: sourceLocation)
    } catch {
      #expect(error.isLimit, "\(error.message)", sourceLocation: sourceLocation)
      if !word.isEmpty { #expect(error.message.contains(word), sourceLocation: sourceLocation) }
    }
  }
}
