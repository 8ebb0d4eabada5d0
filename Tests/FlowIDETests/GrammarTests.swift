import FlowIDE
import FlowTestSupport
import Foundation
import Testing

@Suite("grammars of editors")
struct GrammarTests {
  private static func text(_ path: String) throws -> String {
    try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
  }

  @Test("the vocabulary has every word of the grammar")
  func words() throws {
    let grammar = try GrammarTests.text("grammar/flow.ebnf")
    let terminals = Set(grammar.matches(of: /"([a-z]+)"/).map { String($0.1) })
    // `xx` is the rest of a class of statuses and no word by itself.
    #expect(terminals.subtracting(["xx"]) == Set(Vocabulary.words))
    #expect(Vocabulary.words == Vocabulary.words.sorted())
  }

  @Test("the grammars of editors have the words of the compiler")
  func lists() throws {
    let textMate = try GrammarTests.text("grammar/vscode/syntaxes/flow.tmLanguage.json")
    for words in [Vocabulary.words, Vocabulary.typeNames, Vocabulary.constants] {
      #expect(textMate.contains("\\\\b(?:\(words.joined(separator: "|")))\\\\b"))
    }
    let vim = try GrammarTests.text("grammar/vim/syntax/flow.vim")
    for words in [Vocabulary.words, Vocabulary.typeNames, Vocabulary.constants] {
      #expect(vim.contains("\"\\<\\%(\(words.joined(separator: "\\|"))\\)\\>\""))
    }
    let pygments = try GrammarTests.text("grammar/flow_pygments.py")
    let blocks = pygments.split(separator: "\"\"\"").map { $0.split { $0 == " " || $0 == "\n" }.map(String.init) }
    #expect(blocks.contains(Vocabulary.words) && blocks.contains(Vocabulary.typeNames))
  }
}
