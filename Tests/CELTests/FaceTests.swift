import CEL
import FlowSource
import Testing

/// The short way, for people who only want CEL.
@Suite struct FaceTests {
  private var environment: Environment {
    var environment = Environment()
    environment.declare(variable: "amount", type: .double)
    environment.declare(variable: "status", type: .string)
    environment.declare(variable: "tags", type: .list(.string))
    return environment
  }

  @Test("a text is compiled and evaluated") func aTextBecomesAValue() throws {
    let program = try environment.compile(#"amount > 100.0 && status == "paid""#, expecting: .bool)
    #expect(try program.evaluate(["amount": .double(150), "status": .string("paid")]) == .bool(true))
    #expect(try program.evaluate(["amount": .double(5), "status": .string("paid")]) == .bool(false))
  }

  @Test("only variables that are read need a value") func onlyWhatIsReadNeedsAValue() throws {
    let program = try environment.compile("tags.map(t, t.upperAscii())")
    #expect(try program.evaluate(["tags": .list([.string("a")])]) == .list([.string("A")]))
    #expect(throws: EvaluationError.self) { try program.evaluate() }
  }

  @Test("variables of definitions are found") func definitionsAreSeenThrough() throws {
    var environment = environment
    let (expression, _) = parse("amount * 2.0")
    environment.declare(definition: "double", try #require(environment.check(expression).expression))
    #expect(try environment.compile("double + 1.0").evaluate(["amount": .double(2)]) == .double(5))
  }

  @Test(
    "a compilation error has all diagnostics",
    arguments: ["amount >", "amuont > 1.0", "amount == 1", "status", "1 / 0 > 1"])
  func whatIsWrongIsAllSaid(_ text: String) {
    #expect(throws: CompilationError.self) { try environment.compile(text, expecting: .bool) }
  }

  @Test("a compilation error shows the source") func aMistakeIsShownInItsPlace() {
    do throws(CompilationError) {
      _ = try environment.compile("amuont > 1.0")
      Issue.record("it compiled")
    } catch {
      #expect(error.description.contains("amuont"))
      #expect(error.description.contains("^^^^^^"))
      #expect(error.diagnostics.first?.help?.contains("amount") == true)
    }
  }

  @Test("evaluate() respects its limits") func anEvaluationIsBounded() throws {
    let program = try environment.compile("tags.all(a, tags.all(b, tags.all(c, a + b + c != '')))")
    let tags = Value.list((0..<200).map { .string(String($0)) })
    do throws(EvaluationError) {
      _ = try program.evaluate(["tags": tags], limits: Limits(fuel: 10_000))
      Issue.record("it ended")
    } catch {
      #expect(error.isLimit)
    }
  }
}
