import CEL
import FlowSource
import Testing

/// The short API for programs that use only CEL.
@Suite("Compiling and evaluating texts") struct EvaluationAPITests {
  private var environment: Environment {
    var environment = Environment()
    environment.declare(variable: "amount", type: .double)
    environment.declare(variable: "status", type: .string)
    environment.declare(variable: "tags", type: .list(.string))
    return environment
  }

  @Test("a text is compiled and evaluated") func evaluation() throws {
    let program = try environment.compile(#"amount > 100.0 && status == "paid""#, expecting: .bool)
    #expect(try program.evaluate(["amount": .double(150), "status": .string("paid")]) == .bool(true))
    #expect(try program.evaluate(["amount": .double(5), "status": .string("paid")]) == .bool(false))
  }

  @Test("only variables that are read need a value") func unusedVariables() throws {
    let program = try environment.compile("tags.map(t, t.upperAscii())")
    #expect(try program.evaluate(["tags": .list([.string("a")])]) == .list([.string("A")]))
    #expect(throws: EvaluationError.self) { try program.evaluate() }
  }

  @Test("variables of definitions are found") func variablesOfDefinitions() throws {
    var environment = environment
    let (expression, _) = parse("amount * 2.0")
    environment.declare(definition: "double", try #require(environment.check(expression).expression))
    #expect(try environment.compile("double + 1.0").evaluate(["amount": .double(2)]) == .double(5))
  }

  @Test(
    "an invalid text is a compilation error",
    arguments: ["amount >", "amuont > 1.0", "amount == 1", "status", "1 / 0 > 1"])
  func compilationErrors(_ text: String) {
    #expect(throws: CompilationError.self) { try environment.compile(text, expecting: .bool) }
  }

  @Test("a compilation error shows the source") func sourceOfError() {
    do throws(CompilationError) {
      _ = try environment.compile("amuont > 1.0")
      Issue.record("it compiled")
    } catch {
      #expect(error.description.contains("amuont"))
      #expect(error.description.contains("^^^^^^"))
      #expect(error.diagnostics.first?.help?.contains("amount") == true)
    }
  }

  @Test("evaluate() respects its limits") func limits() throws {
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
