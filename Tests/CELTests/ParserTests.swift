import FlowSource
import Testing

@testable import CEL

@Suite struct ParserTests {
  static let trees: [(String, String)] = [
    ("1 + 2 * 3 - 4", "_-_(_+_(1, _*_(2, 3)), 4)"),
    ("a + b + c", "_+_(a, b, c)"),
    ("(a + b) + c", "_+_(_+_(a, b), c)"),
    ("a && b && c || d", "or(and(a, b, c), d)"),
    ("a ? b : c ? d : e", "if(a, b, if(c, d, e))"),
    ("!!x", "!_(!_(x))"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("--1", "-_(-1)"),
    ("- 1", "-1"),
    ("-x.y", "-_(x.y)"),
    ("-1.5", "-1.5"),
    (".5 + 1e3", "_+_(0.5, 1000.0)"),
    ("0x1F + 007", "_+_(31, 7)"),
    ("10u", "10u"),
    ("a.b.c[1].d(2)", "a.b.c[1].d(2)"),
    (".a.b", ".a.b"),
    ("a.?b[?c]", "a.?b[?c]"),
    ("cond ?[x]:y", "if(cond, [x], y)"),
    ("cond ?.5:1", "if(cond, 0.5, 1)"),
    ("[1, ?x, 2,]", "[1, ?x, 2]"),
    ("{'a': 1, ?b: 2,}", "{\"a\": 1, ?b: 2}"),
    ("a.B{c: 1, ?d: 2}", "a.B{c: 1, ?d: 2}"),
    (".a.B{}", ".a.B{}"),
    ("M{if: 1, `a-b`: 2}", "M{if: 1, a-b: 2}"),
    ("a.`b.c`", "a.b.c"),
    ("a.if.while(1)", "a.if.while(1)"),
    ("has(a.b.c)", "a.b.c~test"),
    ("has(a.?b.c)", "a.?b.c~test"),
    ("x in [1] == true", "_==_(@in(x, [1]), true)"),
    ("l.all(x, x > 0)", "all<x>(l, _>_(x, 0))"),
    ("l.map(x, x > 0, x)", "map<x>(l, _>_(x, 0), x)"),
    ("m.transformMap(k, v, v)", "transformMap<k,v>(m, v)"),
    ("l.all(x)", "l.all(x)"),
    ("all(l, x, y)", "all(l, x, y)"),
    ("cel.bind(x, 1, x + x)", "bind<x>(1, _+_(x, x))"),
    ("cel.block([1, cel.index(0)], cel.index(1))", "block(1, @index:0, @index:1)"),
    ("math.greatest(1, 2)", "math.@max(1, 2)"),
    ("proto.getExt(m, a.b)", "m.a.b"),
    ("o.optMap(x, x)", "optMap<x>(o, x)"),
    ("r'\\n' + \"\\n\"", "_+_(\"\\\\n\", \"\\n\")"),
    ("'\\u00ff\\xff\\377'", "\"\\u{00FF}\\u{00FF}\\u{00FF}\""),
    ("b'\\xff\\377a'", "b[255, 255, 97]"),
    ("'''a'b\r\nc'''", "\"a\\'b\\nc\""),
    ("br'\\1'", "b[92, 49]"),
    ("a // comment\n .b", "a.b"),
  ]

  @Test("expressions are parsed to trees", arguments: trees)
  func parsing(_ text: String, as expected: String) {
    let (expression, diagnostics) = parse(text)
    #expect(diagnostics.isEmpty, "\(diagnostics.map(\.message))")
    #expect(tree(expression) == expected)
  }

  static let mistakes: [(String, String)] = [
    ("", "expected an expression"),
    ("1 +", "expected an expression"),
    ("!-x", "expected an expression, found `-`"),
    ("-!x", "expected an expression, found `!`"),
    ("a b", "expected the expression to end, found `b`"),
    ("a = b", "expected the expression to end, found `=`"),
    ("9223372036854775808", "this number does not fit into 64 bits"),
    ("-(9223372036854775808)", "this number does not fit into 64 bits"),
    ("18446744073709551616u", "this number does not fit into 64 bits"),
    ("f(1,)", "expected an expression, found `)`"),
    ("a ? b ? c : d : e", "expected `:` and the value for when the condition is false, found `?`"),
    ("if", "`if` is a reserved word"),
    ("while(1)", "`while` is a reserved word"),
    ("'abc", "this string has no end"),
    ("'a\nb'", "this string has no end"),
    ("'\\q'", "there is no such escape"),
    ("'\\ud800'", "this is not a Unicode code point"),
    ("b'\\u0041'", "`\\u` and `\\U` have no meaning in bytes"),
    ("'\\400'", "there is no such escape"),
    ("`a`", "expected an expression, found ``a``"),
    ("l.all(1, true)", "`all` needs the name of a variable here"),
    ("has(a)", "`has` asks for a field, as in `has(a.b)`"),
    ("has(a.?b)", "`has` asks for a field, as in `has(a.b)`"),
    ("x > 30m", "a duration inside an expression is written as a call"),
    ("1.", "expected a field name"),
    ("a.true", "expected a field name, found `true`"),
    ("math.greatest()", "`math.greatest` needs at least one argument"),
    ("rb'a'", "expected the expression to end, found `'a'`"),
  ]

  @Test("syntax errors have their messages", arguments: mistakes)
  func syntaxErrors(_ text: String, saying message: String) {
    let (_, diagnostics) = parse(text)
    #expect(diagnostics.map(\.message) == [message])
  }

  @Test("a bare duration suggests duration()") func bareDuration() {
    let (_, diagnostics) = parse("x > 30m")
    #expect(diagnostics.first?.fixes.first?.edits.first?.text == "duration(\"30m\")")
    #expect(diagnostics.first?.range == SourceRange(4, 7))
  }

  @Test("the lexer reads the tokens of the flow language") func flowTokens() {
    let kinds = tokenize(Array("1s..5m -> 30m 5us a = 1 ..".utf8)).map(\.kind)
    #expect(
      kinds == [
        .int, .identifier, .dotDot, .int, .identifier, .arrow, .int, .identifier, .int, .identifier, .identifier,
        .assign, .int, .dotDot, .endOfFile,
      ])
  }

  @Test("the parser stops at stop words") func stopWords() {
    let text = Array("a > 1 do b".utf8)
    var parser = ExpressionParser(tokens: tokenize(text, base: 100), text: text, base: 100, stopWords: ["do"])
    let expression = parser.parseExpression()
    #expect(expression.range == SourceRange(100, 105))
    #expect(parser.position == 3)
    _ = parser.parseExpression()
    #expect(parser.diagnostics.map(\.message) == ["expected an expression, found `do`"])
    #expect(parser.position == 3)
  }

  @Test("deep nesting is rejected", arguments: ["(", "[", "{1:", "!", "-", "a.b(", "a ? b : ", "f("])
  func deepNesting(_ opening: String) {
    let (_, diagnostics) = parse(String(repeating: opening, count: 20_000) + "1")
    #expect(diagnostics.map(\.message) == ["the expression is nested deeper than 200 levels"])
  }

  @Test("long chains are rejected", arguments: ["a.b", "a * a", "a - a", "a < a"])
  func longChains(_ term: String) {
    let step = String(term.dropFirst())
    let (_, diagnostics) = parse("a" + String(repeating: step, count: 20_000))
    #expect(diagnostics.map(\.message) == ["the expression is nested deeper than 200 levels"])
  }

  @Test("thousands of terms are accepted", arguments: ["&&", "||", "+"])
  func manyTerms(_ sign: String) {
    let (expression, diagnostics) = parse("a" + String(repeating: " \(sign) a", count: 20_000))
    #expect(diagnostics.isEmpty)
    #expect(expression.children.count == 20_001)
  }

  @Test("the parser survives any missing token") func missingTokens() {
    let text = Array("a.b(1, [2, ?x], {'k': v})[0].all(i, has(i.f) ? P{q: -1} : !z) && `b` + cel.bind(x, 1, x)".utf8)
    let tokens = tokenize(text)
    for index in tokens.indices.dropLast() {
      var fewer = tokens
      fewer.remove(at: index)
      var parser = ExpressionParser(tokens: fewer, text: text)
      _ = parser.parseExpression()
      #expect(parser.diagnostics.count <= 1)
    }
  }

  @Test("references are listed") func references() {
    let (expression, _) = parse("event.items.all(i, i.qty > limit) && x.y(z) == .i && cel.bind(q, a, q)")
    #expect(expression.references.map(\.dottedPath) == ["event.items", "limit", "x", "z", "i", "a"])
  }
}
