import CEL
import FlowCompiler
import FlowIR
import FlowJSON
import FlowSource
import Testing

/// `max` in declarations: the types that have it, and the program that carries it.
@Suite("Declared bounds") struct BoundDeclarationTests {
  private func compiled(_ declarations: String, data: String = "id: string") -> Compilation {
    let text = """
      event Begin { id: string }
      \(declarations)
      flow F {
        key id
        data { \(data) }
        start on Begin -> over do id = event.id
        final over
      }
      """
    return compile("bounds.flow") { _ in Array(text.utf8) }
  }

  private func errors(_ compilation: Compilation) -> [String] {
    compilation.diagnostics.filter { $0.severity == .error }.map { "\($0.code) \($0.message)" }
  }

  @Test(
    "a bound belongs to a field whose values have a size",
    arguments: [
      ("event E { n: int max 3 }", "F201 `max` bounds a list, a map, a string or bytes, not `int`"),
      ("type T { n: int }\nevent E { t: T max 3 }", "F201 `max` bounds a list, a map, a string or bytes, not `T`"),
      ("event E { n: list<list<int> max 3> }", "F201 `max` belongs to a field or to a result as a whole"),
      ("fn f(n: list<int> max 3) -> int = n.size()", "F201 a parameter of a function has no `max`"),
      ("event E { n: list<int> max 1 = [1, 2] }", "F201 `n` holds at most 1 element, not 2"),
      (#"event E { n: string? max 1 = optional.of("ab") }"#, "F201 `n` holds at most 1 character, not 2"),
    ])
  func misplaced(_ declarations: String, _ message: String) {
    #expect(errors(compiled(declarations)) == [message])
  }

  @Test("a constant that is larger than its field is an error") func constants() {
    let data = #"id: string  news: list<string> max 1 = ["a", "b"]"#
    #expect(errors(compiled("", data: data)) == ["F201 `news` holds at most 1 element, not 2"])
  }

  @Test("a program carries its bounds, and one without bounds has no member for them") func roundTrip() throws {
    let declarations = """
      type T { tags: list<string> max 4 }
      action act(names: map<string, int> max 5) -> list<string> max 6 { worker "w" }
      """
    let program = try #require(compiled(declarations, data: "id: string max 7  b: bytes max 8 = b\"\"").program)
    let read = try Program(json: JSON(parsing: program.json.text(.canonical)))
    #expect(read == program)
    #expect(read.types.first { $0.name == "T" }?.fields[0].maximum == 4)
    #expect(read.actions[0].parameters.fields[0].maximum == 5)
    #expect(read.actions[0].resultMaximum == 6)
    #expect(read.flows[0].fields.map(\.maximum) == [7, 8])
    let plain = try #require(compiled("").program).json.text()
    #expect(!plain.contains("\"max\"") && !plain.contains("\"resultMax\""))
  }

  @Test("a program with a bound that makes no sense is rejected") func validation() throws {
    var program = try #require(compiled("").program)
    program.flows[0].fields[0].maximum = -1
    #expect(throws: ProgramError.self) { try program.validate() }
    program.flows[0].fields[0].maximum = 0
    try program.validate()
    program.flows[0].fields[0].type = .int
    #expect(throws: ProgramError.self) { try program.validate() }
  }
}
