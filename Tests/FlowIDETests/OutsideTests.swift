import CEL
import FlowIDE
import Foundation
import Testing

/// The answers for sessions and for the dashboard, which have no cursor in a file.
@Suite("Descriptions and completions outside of an editor") struct OutsideTests {
  private let program = Marked(
    """
    /// Money has arrived.
    event Paid { amount: double }
    event Placed { id: string }
    flow Order {
      key id
      data { id: string  paid: double = 0.0 }
      start on Placed -> open do id = event.id
      state open { on Paid -> done do paid = event.amount }
      final done
    }
    flow Refund {
      key id
      data { id: string }
      start on Placed -> open do id = event.id
      state open { on Paid -> done }
      final done
    }
    """)

  private func environment() -> Environment {
    var types = TypeRegistry()
    types.declare(RecordDeclaration("Data", [FieldDeclaration("paid", .double), FieldDeclaration("note", .string)]))
    var environment = Environment(types: types)
    _ = environment.declare(variable: "data", type: .record("Data"))
    _ = environment.declare(variable: "startedAt", type: .timestamp)
    return environment
  }

  @Test("a name has the text that a hover over its declaration shows") func names() {
    let paid = program.view.description(ofName: "Paid")
    #expect(paid?.contains("event Paid { amount: double }") == true)
    #expect(paid?.contains("Money has arrived.") == true)
    #expect(program.view.description(ofName: "nothing") == nil)
    #expect(program.view.description(ofName: "invariant")?.contains("a condition that holds after every step") == true)
  }

  @Test("a name of two flows is described for the flow in question, or for both") func flows() {
    let own = program.view.description(ofName: "open", flow: "Refund") ?? ""
    let all = program.view.description(ofName: "open") ?? ""
    #expect(own.components(separatedBy: "state open").count == 2)
    #expect(all.components(separatedBy: "state open").count == 3)
  }

  @Test("a hover by line and column counts Unicode scalars from 1, and nothing is beyond the text") func positions() {
    let view = Marked.view(of: "role é\nrole clerk // é role\n")
    let hover = view.hover(line: 2, column: 6, in: Marked.path)
    #expect(hover?.text.contains("role clerk") == true)
    for (line, column) in [(0, 1), (1, 0), (4, 1), (2, 40), (-1, -1), (Int.max, Int.max)] {
      #expect(view.hover(line: line, column: column, in: Marked.path) == nil)
    }
    #expect(view.hover(line: 1, column: 1, in: "/other.flow") == nil)
  }

  @Test(
    "the last word of a condition is completed as a whole",
    arguments: [
      ("dat", ["data"]), ("data.p", ["data.paid"]), ("data.paid > 1.0 && data.n", ["data.note"]),
      ("!(data.n", ["data.note"]), ("data.note == \"da", []), ("nothing.p", []), ("data.paid.", []),
      ("startedAt.getFullY", ["startedAt.getFullYear"]), ("data.note == 'x' && dat", ["data"]),
    ]) func conditions(_ text: String, _ expected: [String])
  {
    let found = ExpressionCompletion.proposals(atEndOf: text, in: environment()).map(\.label)
    #expect(found == expected)
  }
}
