import Testing

@Suite("hover on events and states")
struct EventAnswerTests {
  private static func flow(_ body: String) -> String {
    """
    role boss
    event Begin
    event Pay { amount: int }
    event Cancel
    event Note
    event Lost
    flow F {
      start on Begin -> a
      on Cancel by boss -> ended
      \(body)
      final ended
    }
    """
  }

  @Test("the hover names the reaction of the state itself")
  func own() {
    let marked = Marked(EventAnswerTests.flow("state a { on P‸ay when event.amount > 1 -> ended  on Pay -> a }"))
    #expect(
      marked.hover.contains("In `a`, `Pay` is answered:\n- `on Pay when event.amount > 1 -> ended`\n- `on Pay -> a`"))
  }

  @Test("the hover names the state from which a reaction is inherited, and says when the event is refused")
  func inherited() {
    let marked = Marked(EventAnswerTests.flow("state a { entry raise C‸ancel  on Note -> ended }"))
    #expect(marked.hover.contains("In `a`, `Cancel` is answered by inheritance:"))
    #expect(marked.hover.contains("- `on Cancel by boss -> ended`, inherited from `F`\n- otherwise it is refused"))
  }

  @Test("the hover gives the reason when no reaction answers the event")
  func refused() {
    let marked = Marked(
      EventAnswerTests.flow("state a { entry raise L‸ost  on Note -> b }  state b { on Lost -> ended }"))
    #expect(marked.hover.contains("In `a`, `Lost` is refused: no reaction here or in a state around it."))
    #expect(marked.hover.contains("It is answered in `b`."))
  }

  @Test("a reaction without a guard hides those of the states around it")
  func hidden() {
    let marked = Marked(EventAnswerTests.flow("state a { on Can‸cel -> a  on Note -> ended }"))
    #expect(marked.hover.contains("In `a`, `Cancel` is answered:\n- `on Cancel -> a`"))
    #expect(!marked.hover.contains("inherited"))
  }

  @Test("`ignore` and `defer` are answers")
  func ignored() {
    let ignored = Marked(EventAnswerTests.flow("state a { ignore Can‸cel  on Note -> ended }"))
    #expect(ignored.hover.contains("- `ignore`: accepted without effect"))
    let deferred = Marked(EventAnswerTests.flow("state a { defer Pa‸y  on Note -> ended }"))
    #expect(deferred.hover.contains("- `defer`: kept until a state answers it"))
  }

  @Test("the hover on a state counts its transitions and its answers")
  func state() {
    let marked = Marked(EventAnswerTests.flow("state a‸ { on Pay -> ended  on Note -> ended }"))
    #expect(marked.hover.contains("- 1 in: `start`\n- 2 out: `ended`"))
    #expect(marked.hover.contains("events: 2 answered here, 1 inherited, 0 refused"))
  }

  @Test("the declaration of an event lists the states that answer it")
  func declaration() {
    let marked = Marked(EventAnswerTests.flow("state a { on Pay -> ended }").replacing("event Pay", with: "event P‸ay"))
    #expect(marked.hover.contains("`F`: answered in `a`"))
  }

  @Test("an expression has a type, also inside of a macro")
  func types() {
    let marked = Marked(
      """
      type Item { qty: int }
      event Begin { items: list<Item> }
      flow F {
        data { items: list<Item> = [] }
        let total = items.map(i, i.q‸ty).sum()
        start on Begin -> a do items = event.items
        state a { on Begin when total > 1 -> b }
        final b
      }
      """)
    #expect(marked.hover == "```flow\nqty: int\n```")
  }
}
