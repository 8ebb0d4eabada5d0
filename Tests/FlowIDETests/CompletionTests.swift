import FlowIDE
import Testing

@Suite("completion")
struct CompletionTests {
  private static func flow(_ body: String) -> String {
    """
    role boss
    role clerk
    type Item { qty: int  price: double }
    enum Mood { calm, busy }
    event Begin { id: string }
    event Pay { amount: int  note: string }
    event Refund { amount: int  reason: string }
    event Cancel
    event Note
    /// Ships it.
    action ship(item: Item, fast: bool = false) -> Item fails LOST { http POST "http://x" { body: {} } }
    flow F {
      key id
      data { id: string  items: list<Item> = []  mood: Mood = Mood.calm  paid: int = 0 }
      let total = items.map(i, i.qty).sum()
      start on Begin -> a do id = event.id
      on Cancel -> ended
      \(body)
      final ended
    }
    """
  }

  private func labels(_ body: String) -> [String] { Marked(CompletionTests.flow(body)).labels }

  @Test("behind `->` stand the states, those that nothing reaches yet first, the state itself last")
  func targets() {
    let found = labels("state a { on Pay -> ‸ }  state b { on Note -> c }  state c { on Note -> ended }")
    #expect(found == ["b", "c", "ended", "a"])
  }

  @Test("the rows of a decision table begin with `when` or `always`, and hold the parameters")
  func tables() {
    #expect(Marked("fn f(months: int = 1) -> int { ‸ }").labels == ["when", "always"])
    #expect(Marked("fn f(months: int) -> int {\n  when months > 1 -> 2\n  ‸\n}").labels == ["when", "always"])
    #expect(Marked("fn f(months: int) -> int { when ‸ }").labels.contains("months"))
    #expect(Marked("fn f(months: int) -> int { when months > 1 -> ‸ }").labels.contains("months"))
  }

  @Test("behind a key stands its lifetime")
  func keyLifetimes() {
    #expect(Marked("flow F { key id ‸ }").labels == ["for", "forever"])
    #expect(Marked("flow F { key id for ‸ }").labels == ["30d", "90d", "365d"])
    #expect(Marked("flow F {\n  key id\n  ‸\n}").labels.contains("start"))
  }

  @Test("states of another region are no targets")
  func regions() {
    let found = labels(
      """
      state a { on Note -> p }
        parallel p {
          region r { initial state x { on Pay -> ‸ }  final y }
          region s { initial state z { on Note -> w }  final w }
        }
      """
    )
    #expect(found.contains("y"))
    #expect(!found.contains { $0.hasSuffix("z") || $0.hasSuffix("w") })
  }

  @Test("behind `on` stand the events that the state does not answer yet, inherited ones last")
  func triggers() {
    let found = labels("state a { on Pay -> ended  on ‸ }")
    #expect(found.prefix(3) == ["Begin", "Refund", "Note"])
    #expect(found.firstIndex(of: "Cancel") == 3)
    #expect(!found.contains("Pay"))
  }

  @Test("a target is inserted with the required fields of the state, and its arguments are completed")
  func stateArguments() {
    let body = "state a { on Pay -> ‸ }  state b(token: string, tries: int = 0) { on Note -> ended }"
    let marked = Marked(CompletionTests.flow(body))
    let items = marked.view.completion(at: marked.offsets[0], in: Marked.path)?.items ?? []
    #expect(items.first { $0.label == "b" }?.insertion == "b(token: ${1:token})")
    #expect(items.first { $0.label == "ended" }?.insertion == "ended")
    #expect(
      labels("state a { on Pay -> b(‸) }  state b(token: string, tries: int = 0) { on Note -> ended }")
        == ["token", "tries"])
    #expect(
      labels("state a { on Pay -> b(token: event.‸) }  state b(token: string) { on Note -> ended }").prefix(2)
        == ["amount", "note"])
    #expect(labels("state a { on Pay -> b }  state b(token: ‸) {}").contains("string"))
  }

  @Test("the fields of a state are completed in it, and not elsewhere")
  func stateFields() {
    let here = labels("state a { on Pay -> b(token: \"\") }  state b(token: string) { on Note when ‸ -> ended }")
    #expect(here.contains("token"))
    let inner = labels("state a { on Pay -> b }  state b(token: string?) { initial state c { on Note do ‸ } }")
    #expect(inner.contains { $0.hasPrefix("token") })
    let elsewhere = labels("state a { on Pay when ‸ -> b(token: \"\") }  state b(token: string) { on Note -> ended }")
    #expect(!elsewhere.contains("token"))
  }

  @Test("the results of calls are triggers of their state")
  func results() {
    let found = labels("state a { call ship(item: items[0]) as sent  on sent.done -> ended  on s‸ }")
    #expect(found.contains("sent.failed"))
    #expect(!found.contains("sent.done"))
  }

  @Test("the items of a call over a list are triggers of their state, with the fields of their events")
  func items() {
    let call = "state a { call ship(item: i) as sent for i in items  on sent.item.done do log \"x\"  "
    let found = labels(call + "on s‸ }")
    #expect(found.contains("sent.item.failed"))
    #expect(!found.contains("sent.item.done"))
    #expect(labels(call + "on sent.item.failed when event.‸ > 1 -> ended }").contains("index"))
    #expect(!labels("state a { call ship(item: items[0]) as sent  on s‸ }").contains("sent.item.done"))
  }

  @Test("behind `event.` stand the fields that all events of the reaction have")
  func commonFields() {
    #expect(labels("state a { on Pay, Refund when event.‸ > 1 -> ended }") == ["amount"])
    #expect(labels("state a { on Pay when event.‸ > 1 -> ended }").prefix(2) == ["amount", "note"])
  }

  @Test("behind `event.` stand the computed members, too, and in them the fields of the event")
  func computedMembers() {
    let event = "event Split { parts: int  total: int  let share = total / parts  let note = string(share) }\n"
    let found = Marked(event + CompletionTests.flow("state a { on Split when event.‸ -> ended }")).labels
    #expect(found == ["parts", "total", "share", "note"])
    let text = Marked(event + CompletionTests.flow("state a { on Split when event.note.‸ -> ended }")).labels
    #expect(text.contains("startsWith"), "the type of a computed member is known")
    let inside = Marked("event Split { parts: int  total: int  let share = ‸ }\nflow F { start on Split -> a final a }")
    #expect(inside.labels.contains("parts") && inside.labels.contains("total"))
  }

  @Test("behind `by` stand the roles")
  func roles() { #expect(labels("state a { on Note by ‸ -> ended }") == ["boss", "clerk"]) }

  @Test("behind a dot stand the fields and functions of the value")
  func members() {
    let found = labels("state a { on Pay when items[0].‸ -> ended }")
    #expect(found.prefix(2) == ["qty", "price"])
    #expect(labels("state a { on Pay when items.‸ -> ended }").contains("exists"))
    #expect(labels("state a { on Pay when id.‸ -> ended }").contains("startsWith"))
    #expect(labels("state a { on Pay when mood == Mood.‸ -> ended }") == ["calm", "busy"])
  }

  @Test("a guard offers the event, the data, the definitions and the functions")
  func guards() {
    let found = labels("state a { on Pay when ‸ -> ended }")
    #expect(found.prefix(6) == ["event", "id", "items", "mood", "paid", "total"])
    #expect(found.contains("size"))
  }

  @Test("the variable of a macro is offered in its body")
  func macroVariables() {
    #expect(labels("state a { on Pay when items.all(x, x.‸) -> ended }").prefix(2) == ["qty", "price"])
    #expect(labels("state a { on Pay when items.all(x, x.‸ -> ended }").prefix(2) == ["qty", "price"])
    #expect(labels("state a { on Pay when items.filter(y, y.qty > 1).exists(x, x.‸").prefix(2) == ["qty", "price"])
  }

  @Test("a call offers the actions with their arguments, and its parentheses the parameters that are missing")
  func calls() throws {
    let marked = Marked(CompletionTests.flow("state a { call ‸ }"))
    let item = try #require(marked.view.completion(at: marked.offsets[0], in: Marked.path)?.items.first)
    #expect(item.insertion == "ship(item: ${1:item})")
    #expect(item.documentation == "Ships it.")
    #expect(labels("state a { call ship(item: items[0], ‸) }") == ["fast"])
  }

  @Test("a record offers the fields that are missing")
  func records() { #expect(labels("state a { entry emit Pay{amount: 1, ‸} }") == ["note"]) }

  @Test("the actions of a reaction begin with a data field, an action, or `emit`")
  func statements() {
    let found = labels("state a { on Pay do { ‸ } }")
    #expect(found.prefix(4) == ["id", "items", "mood", "paid"])
    #expect(found.contains("ship") && found.contains("emit"))
  }

  @Test("behind `take` stand the data fields that the event has as well")
  func takes() { #expect(labels("state a { on Begin -> ended do take ‸ }") == ["id"]) }

  @Test("a field has a type")
  func types() {
    let found = Marked("type Item { a: int }\nenum Mood { x }\nevent E { f: ‸ }").labels
    #expect(found.prefix(2) == ["Item", "Mood"])
    #expect(found.contains("timestamp"))
  }

  @Test("a file, a flow, a state and a test have their keywords")
  func keywords() {
    #expect(Marked("‸").labels.contains("flow"))
    #expect(labels("‸").contains("state"))
    #expect(labels("state a {\n ‸ }").contains("entry"))
    #expect(Marked(CompletionTests.flow("") + "\ntest \"x\" {\n  ‸\n}").labels.first == "send")
    let states = Marked(CompletionTests.flow("state a { on Note -> ended }") + "\ntest \"x\" with F { expect state ‸ }")
      .labels
    #expect(states.sorted() == ["a", "ended"])
  }

  @Test("an event comes from a webhook or a queue")
  func senders() {
    #expect(Marked("event E from ‸").labels.sorted() == ["amqp", "redis", "webhook"])
  }

  @Test("a test of several flows offers instances, and the names of their flows")
  func severalFlows() {
    let text =
      CompletionTests.flow("state a { on Note -> ended }")
      + "\nflow Other { key id  data { id: string  other: int = 0 }  start on Note -> b  state b {} }\n"
    func labels(_ statement: String) -> [String] {
      Marked(text + "test \"x\" with F, Other {\n  \(statement)\n}").labels
    }
    #expect(labels("expect ‸").contains("Other") && labels("expect ‸").first == "state")
    #expect(labels("expect Other[\"k\"] ‸").contains("ended"))
    #expect(labels("expect Other[\"k\"] state ‸") == ["b"])
    #expect(labels("expect Other state ‸") == ["b"])
    #expect(labels("expect Other[\"k\"] data ‸").contains("other"))
    #expect(labels("expect state ‸").sorted() == ["a", "ended"])
    #expect(labels("send Note to ‸").contains("Other") && labels("complete x of ‸").contains("Other"))
    #expect(Marked(text + "test \"x\" with F, ‸ {}").labels.contains("Other"))
    #expect(Marked(text + "test \"x\" with F, Other { expect Oth‸er[\"k\"] state b }").hover.contains("flow Other"))
    #expect(Marked(text + "test \"x\" with F, Other { expect Other[\"k\"] state b‸ }").hover.contains("state b"))
  }

  @Test("a comment and a string offer nothing")
  func comments() {
    #expect(labels("// on ‸").isEmpty)
    #expect(labels("state a { entry log \"on ‸\" }").isEmpty)
  }

  @Test("completion works in text that can't be parsed")
  func broken() {
    #expect(labels("state a { on Pay when (paid + -> ‸").contains("ended"))
    #expect(labels("state a { on Pay when paid > 1 && event.‸").prefix(2) == ["amount", "note"])
  }

  @Test("the names of an imported file stand behind its alias")
  func aliases() {
    let marked = Marked(
      "import \"shop.flow\" as shop\nevent E { item: int }\nconst x = shop.‸",
      others: ["/shop.flow": "const limit = 3\ntype Item { a: int }"])
    #expect(marked.labels == ["limit", "Item"])
  }
}
