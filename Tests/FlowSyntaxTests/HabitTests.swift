import FlowSource
import FlowSyntax
import Testing

/// Forms of other languages: each gives exactly one message, whose fix is the right form.
@Suite("Forms of other languages") struct HabitTests {
  /// A line of a flow with a habit, its message, and the line after the fix; nil without a fix.
  struct Habit: CustomTestStringConvertible, Sendable {
    var written: String
    var message: String
    var fixed: String?
    var testDescription: String { written }

    init(_ written: String, _ message: String, _ fixed: String?) {
      self.written = written
      self.message = message
      self.fixed = fixed
    }
  }

  /// Members of a state.
  static let members = [
    Habit("on Paid when a and b -> done", "`and` is written `&&`", "on Paid when a && b -> done"),
    Habit("on Paid when a or b -> done", "`or` is written `||`", "on Paid when a || b -> done"),
    Habit("on Paid when not a -> done", "`not` is written `!`", "on Paid when !a -> done"),
    Habit("on Paid when a & b -> done", "`&` is written `&&`", "on Paid when a && b -> done"),
    Habit("on Paid when a | b -> done", "`|` is written `||`", "on Paid when a || b -> done"),
    Habit("on Paid when n === 1 -> done", "equality is written `==`", "on Paid when n == 1 -> done"),
    Habit("on Paid when n = 1 -> done", "equality is written `==`", "on Paid when n == 1 -> done"),
    Habit("on Paid when n is 1 -> done", "`is` is written `==`", "on Paid when n == 1 -> done"),
    Habit("on Paid when n is not 1 -> done", "`is not` is written `!=`", "on Paid when n != 1 -> done"),
    Habit("on Paid when n !== 1 -> done", "inequality is written `!=`", "on Paid when n != 1 -> done"),
    Habit("on Paid when n <> 1 -> done", "inequality is written `!=`", "on Paid when n != 1 -> done"),
    Habit("on Paid when n not in list -> done", "`not in` is written `!(… in …)`", "on Paid when !(n in list) -> done"),
    Habit("on Paid when n ≥ 1 -> done", "`≥` is written `>=`", "on Paid when n >= 1 -> done"),
    Habit("on Paid when n eq 1 -> done", "`eq` is written `==`", "on Paid when n == 1 -> done"),
    Habit("on Paid when n > 1_000 -> done", "numbers have no `_`", "on Paid when n > 1000 -> done"),
    Habit("on Paid when plan == Plan::pro -> done", "names are joined by `.`", "on Paid when plan == Plan.pro -> done"),
    Habit("on Paid when a?.b == 1 -> done", "an optional member is written `.?`", "on Paid when a.?b == 1 -> done"),
    Habit(
      "on Paid when (a ?? 1) > 0 -> done", "a fallback is written `.orValue(…)`",
      "on Paid when (a.orValue(1)) > 0 -> done"),
    Habit(
      "on Paid when items.exists(i => i > 1) -> done",
      "a macro takes the variable and the expression, separated by a comma",
      "on Paid when items.exists(i , i > 1) -> done"),
    Habit("on Paid when $n > 1 -> done", "names have no `$`", "on Paid when n > 1 -> done"),
    Habit(
      "on Paid when s == “paid” -> done", "strings are written in straight quotes", "on Paid when s == \"paid\" -> done"
    ),
    Habit("on Paid if n > 1 -> done", "a guard is written `when`", "on Paid when n > 1 -> done"),
    Habit("on Paid [n > 1] -> done", "a guard is written `when`", "on Paid when n > 1 -> done"),
    Habit("on Paid => done", "the arrow is written `->`", "on Paid -> done"),
    Habit("on Paid --> done", "the arrow is written `->`", "on Paid -> done"),
    Habit("on Paid → done", "`→` is written `->`", "on Paid -> done"),
    Habit("on Paid goto done", "a target is written `->`", "on Paid -> done"),
    Habit("on Paid go to done", "a target is written `->`", "on Paid -> done"),
    Habit("on Paid -> goto done", "a target is `->` and the name of the state", "on Paid -> done"),
    Habit("on Paid -> \"done\"", "the name of a state is written without quotes", "on Paid -> done"),
    Habit("on Paid -> done;", "statements need no `;`", "on Paid -> done"),
    Habit("on Paid: -> done", "`Paid` takes no `:`", "on Paid -> done"),
    Habit("on Paid(event) -> done", "a trigger takes no parameters", "on Paid -> done"),
    Habit("on Paid { n = 1 }", "the actions of a reaction follow `do`", "on Paid do { n = 1 }"),
    Habit("on Paid do n = 1 -> done", "`->` stands before `do`", "on Paid -> done do n = 1"),
    Habit("on Paid -> done when n > 1", "`when` stands before `->`", "on Paid when n > 1 -> done"),
    Habit("on Paid when n > 1 by clerk -> done", "`by` stands before `when`", "on Paid by clerk when n > 1 -> done"),
    Habit("on Paid do n == 1", "an assignment is written `=`", "on Paid do n = 1"),
    Habit("on Paid do n: 1", "an assignment is written `=`", "on Paid do n= 1"),
    Habit("on Paid do n := 1", "an assignment is written `=`", "on Paid do n = 1"),
    Habit("on Paid do n += 1", "`n += …` is written `n = n + …`", "on Paid do n = n + 1"),
    Habit("on Paid do n -= 1", "`n -= …` is written `n = n - …`", "on Paid do n = n - 1"),
    Habit("on Paid do n++", "`n++` is written `n = n + 1`", "on Paid do n = n + 1"),
    Habit("on Paid do set n = 1", "an assignment has no `set`", "on Paid do n = 1"),
    Habit(
      "on Paid do { n = 1, m = 2 }", "nothing separates actions and members but white space",
      "on Paid do { n = 1 m = 2 }"),
    Habit("on Paid do print \"x\"", "`print` is written `log`", "on Paid do log \"x\""),
    Habit("on Paid do send Done{}", "`send` is written `emit`", "on Paid do emit Done{}"),
    Habit("on Paid do emit Done(n: 1)", "the fields of an event are written in braces", "on Paid do emit Done{n: 1}"),
    Habit("on Paid do call ship(id: id)", "an action in `do` is called without `call`", "on Paid do ship(id: id)"),
    Habit("on Paid do ship(id = id)", "a name and its value are separated by `:`", "on Paid do ship(id : id)"),
    Habit("on Paid do ship(id)", "arguments are named", nil),
    Habit("on Paid -> done(n = 1)", "a name and its value are separated by `:`", "on Paid -> done(n : 1)"),
    Habit("on Paid -> done(event.n)", "arguments are named", nil),
    Habit("on Paid -> done{n: 1}", "the fields of a state are given in parentheses", "on Paid -> done(n: 1)"),
    Habit("data { n: int }", "the data of a state follows its name in parentheses", nil),
    Habit("call ship as s", "a call has parentheses", "call ship() as s"),
    Habit("after \"30m\" -> done", "a duration is written without quotes", "after 30m -> done"),
    Habit("after 30 minutes -> done", "a duration is written `30m`", "after 30m -> done"),
    Habit("after 2days -> done", "a duration is written `2d`", "after 2d -> done"),
    Habit("wait 30m -> done", "`wait` is written `after`", "after 30m -> done"),
    Habit("timeout 30m -> done", "`timeout` is written `after`", "after 30m -> done"),
    Habit("onEntry log \"x\"", "`onEntry` is written `entry`", "entry log \"x\""),
    Habit("on entry do log \"x\"", "the actions on entering follow `entry`", "entry log \"x\""),
    Habit("entry do log \"x\"", "`entry` takes no `do`", "entry log \"x\""),
    Habit("else -> done", "there is no `else`", nil),
    Habit("if n > 1 { n = 2 }", "there is no `if`", nil),
    Habit("for i in list { ship(id: i) }", "a loop follows its action", nil),
    Habit("# a comment", "comments begin with `//`", "// a comment"),
    Habit("/* a comment */", "comments begin with `//` and end with the line", "// a comment \n"),
    Habit("final state done", "`final` takes no `state`", "final done"),
    Habit(
      "initial open { on Paid -> done }", "an initial state is written `initial state`",
      "initial state open { on Paid -> done }"),
  ]

  /// Declarations of a file.
  static let declarations = [
    Habit("event Paid { amount int }", "a field needs `:` between its name and its type", "event Paid { amount: int }"),
    Habit("event Paid { int amount }", "a field is its name, then its type", "event Paid { amount: int }"),
    Habit("event Paid { note?: string }", "an optional field is marked at its type", "event Paid { note: string? }"),
    Habit("event Paid { names: string[] }", "a list is written `list<T>`", "event Paid { names: list<string> }"),
    Habit("event Paid { names: [string] }", "a list is written `list<T>`", "event Paid { names: list<string> }"),
    Habit("event Paid(amount: int)", "the fields of an event are written in braces", "event Paid { amount: int }"),
    Habit("event \"Paid\"", "a name is written without quotes", "event Paid"),
    Habit("type Item = { sku: string }", "a declaration has no `=` before its braces", "type Item { sku: string }"),
    Habit("struct Item { sku: string }", "`struct` is written `type`", "type Item { sku: string }"),
    Habit("enum Plan { \"free\" }", "the value of an enum is written without quotes", "enum Plan { free }"),
    Habit("enum Plan { free = 1 }", "the values of an enum are names only", "enum Plan { free }"),
    Habit("function f(x: int) -> int = x", "`function` is written `fn`", "fn f(x: int) -> int = x"),
    Habit("fn f(x: int): int = x", "the type of the result follows `->`", "fn f(x: int)-> int = x"),
    Habit(
      "fn f(x: int) -> int { x + 1 }", "the body of a function is `=` and an expression",
      "fn f(x: int) -> int = x + 1"),
    Habit("fn f(x: int) -> int = return x", "an expression has no `return`", "fn f(x: int) -> int = x"),
    Habit("const A: int = 1", "a constant has no type", "const A = 1"),
    Habit("action a() throws BAD", "the failures of an action follow `fails`", "action a() fails BAD"),
    Habit("action a() { POST \"u\" }", "a request begins with `http`", "action a() { http POST \"u\" }"),
    Habit(
      "action a() { http POST \"u\"  timeout: 10s }", "`timeout` takes no `:`",
      "action a() { http POST \"u\"  timeout 10s }"),
    Habit(
      "action a() { http POST \"u\"  timeout 10 }", "a duration needs a unit",
      "action a() { http POST \"u\"  timeout 10s }"),
    Habit("import shop.flow", "the path of an import is written in quotes", "import \"shop.flow\""),
    Habit(
      "test two payments { send A{} }", "the name of a test is written in quotes",
      "test \"two payments\" { send A{} }"),
    Habit(
      "test \"t\" { send A{} expect n == 1 }", "`expect` is followed by what it is about",
      "test \"t\" { send A{} expect data n == 1 }"),
    Habit(
      "test \"t\" { send A{} assert state a }", "`assert` is written `expect`", "test \"t\" { send A{} expect state a }"
    ),
    Habit(
      "workflow Order { start on A -> b  final b }", "`workflow` is written `flow`",
      "flow Order { start on A -> b  final b }"),
    Habit(
      "flow F { var n: int\n start on A -> b  final b }", "the data of a flow are declared in `data { … }`",
      "flow F { data { n: int }\n start on A -> b  final b }"),
    Habit(
      "flow F { key: id\n start on A -> b  final b }", "`key` takes no `:`",
      "flow F { key id\n start on A -> b  final b }"),
    Habit("flow F { start on A -> b  state b { on A -> c  final c\n}\n", "this `{` is not closed", nil),
    Habit("flow F {\n  state b {\n    on A -> c\n  final c\n}", "this `{` is not closed", nil),
    Habit("flow F {\n  state b {\n    on A -> c\n  }\n  }\n  final c\n}", "this `}` closes nothing", nil),
    Habit("flow F {\n  state b { {\n    on A -> c\n  }\n  final c\n}", "`{` is written twice", nil),
  ]

  private func messages(_ text: String) -> [Diagnostic] {
    parse(SourceFile(name: "x.flow", text: Array(text.utf8))).diagnostics
  }

  private func check(_ habit: Habit, before: String, after: String) throws {
    let text = before + habit.written + after
    let found = messages(text)
    #expect(found.map(\.message) == [habit.message])
    guard let fixed = habit.fixed else { return }
    let fix = try #require(found.first?.fixes.first)
    var bytes = Array(text.utf8)
    for edit in fix.edits.sorted(by: { $0.range.lower > $1.range.lower }) {
      bytes.replaceSubrange(Int(edit.range.lower)..<Int(edit.range.upper), with: Array(edit.text.utf8))
    }
    let result = String(decoding: bytes, as: UTF8.self)
    #expect(words(result) == words(before + fixed + after))
    #expect(messages(result).map(\.message) == [])
  }

  private func words(_ text: String) -> [String] {
    text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
  }

  @Test("a habit in a state gives one message with the right form", arguments: members)
  func member(_ habit: Habit) throws {
    let before = """
      event Paid
      flow Order {
        start on Paid -> open
        state open {
          on Cancel -> done
          \u{20}
      """
    try check(habit, before: before, after: "\n    on Other -> done\n  }\n  final done\n}\nrole clerk\n")
  }

  @Test("a habit in a declaration gives one message with the right form", arguments: declarations)
  func declaration(_ habit: Habit) throws {
    try check(habit, before: "role clerk\n", after: "\nrole other\n")
  }

  @Test("the table has sixty habits at least") func size() {
    #expect(HabitTests.members.count + HabitTests.declarations.count >= 60)
  }
}
