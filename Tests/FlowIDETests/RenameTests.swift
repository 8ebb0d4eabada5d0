import FlowCompiler
import FlowIDE
import FlowSource
import FlowTestSupport
import Foundation
import Testing

@Suite("rename and references")
struct RenameTests {
  /// The samples with the files that they import.
  private static func files(_ sample: Sample) -> (path: String, load: (String) -> [UInt8]?) {
    let path = "/" + sample.url.lastPathComponent
    let folder = sample.url.deletingLastPathComponent()
    return (
      path, { name in (try? Data(contentsOf: folder.appending(path: String(name.dropFirst())))).map { Array($0) } }
    )
  }

  private static func view(_ sample: Sample) -> ProgramView {
    let (path, load) = files(sample)
    let programs = analyze(roots: [path], load: load).programs
    return ProgramView(
      programs[0].files.map { SourceUnit(path: $0, text: load($0) ?? []) }, analysis: programs[0].analysis)
  }

  private static func apply(_ edits: [TextEdit], to text: [UInt8]) -> [UInt8] {
    var bytes = text
    for edit in edits.sorted(by: { $0.location.range.lower > $1.location.range.lower }) {
      bytes.replaceSubrange(
        Int(edit.location.range.lower)..<Int(edit.location.range.upper), with: Array(edit.text.utf8))
    }
    return bytes
  }

  @Test("a program without errors has none after any name of it is changed", arguments: Sample.all(below: "samples"))
  func everyName(_ sample: Sample) throws {
    let view = RenameTests.view(sample)
    let (path, load) = RenameTests.files(sample)
    #expect(!compile(path, load: load).diagnostics.hasErrors)
    var count = 0
    for unit in view.units {
      for occurrence in view.occurrences(in: unit.path) where occurrence.access == .declaration {
        let edits: [TextEdit]
        do throws(RenameProblem) {
          edits = try view.rename(at: occurrence.range.lower, in: unit.path, to: "renamed_name")
        } catch {
          let isRefused = error.message.hasPrefix("`take ") || error.message.contains("` is the key of `")
          #expect(isRefused, "\(error.message)")
          continue
        }
        count += 1
        let changed = Dictionary(
          uniqueKeysWithValues: view.units.map { unit in
            (unit.path, RenameTests.apply(edits.filter { $0.location.file == unit.path }, to: unit.source.text))
          })
        let errors = compile(path) { changed[$0] }.diagnostics.filter { $0.severity == .error }
        #expect(errors.isEmpty, "\(occurrence.entity): \(errors.first?.message ?? "")")
      }
    }
    #expect(count > 2)
  }

  @Test("every name of a sample means something", arguments: Sample.all(below: "samples"))
  func unknownNames(_ sample: Sample) {
    let view = RenameTests.view(sample)
    for unit in view.units {
      for occurrence in view.occurrences(in: unit.path) where occurrence.entity.isDeclared {
        #expect(view.definition(at: occurrence.range.lower, in: unit.path) != nil, "\(occurrence.entity)")
      }
    }
  }

  @Test("a name in use, a keyword and a predefined name are refused")
  func refusals() {
    let marked = Marked(
      "event E‸\nevent Other\nflow F { start on E -> a  state a { on E when n‸ow > now -> b }  final b }")
    #expect(throws: RenameProblem.self) { try marked.view.rename(at: marked.offsets[0], in: Marked.path, to: "Other") }
    #expect(throws: RenameProblem.self) { try marked.view.rename(at: marked.offsets[0], in: Marked.path, to: "when") }
    #expect(throws: RenameProblem.self) { try marked.view.rename(at: marked.offsets[0], in: Marked.path, to: "a b") }
    #expect(throws: RenameProblem.self) { try marked.view.rename(at: marked.offsets[1], in: Marked.path, to: "later") }
  }

  @Test("a field of the event or the data that `take` names is not renamed alone")
  func takenNames() {
    let marked = Marked(
      "event E { n‸: int }\nflow F { data { n‸: int = 0 }  start on E -> a do take n  state a { on E -> b }  final b }")
    for offset in marked.offsets {
      #expect(throws: RenameProblem.self) {
        try marked.view.rename(at: offset, in: Marked.path, to: "m")
      }
    }
  }

  @Test("the key of a flow is not renamed without the members of its events")
  func keys() {
    let marked = Marked(
      """
      event E { i‸d: string }
      flow F {
        key id
        data { i‸d: string }
        start on E -> a do id = event.id
        state a { on E -> b }
        final b
      }
      """)
    for offset in marked.offsets {
      #expect(throws: RenameProblem.self) { try marked.view.rename(at: offset, in: Marked.path, to: "m") }
    }
  }

  @Test("two states of one name are different")
  func nestedStates() throws {
    let marked = Marked(
      """
      event E
      flow F {
        start on E -> a
        state a { initial state wait‸ { on E -> done }  final done  on done -> b }
        state b { initial state wait { on E -> done }  final done  on done -> ended }
        final ended
      }
      """)
    let edits = try marked.view.rename(at: marked.offsets[0], in: Marked.path, to: "pause")
    #expect(edits.count == 1)
    #expect(marked.applying(edits).contains("initial state pause { on E -> done }  final done  on done -> b"))
  }

  @Test("a field of a state is renamed in its state, in arguments, in tests and in migrations")
  func stateFields() throws {
    let marked = Marked(
      """
      event E { token: string }
      flow F {
        version 2
        start on E -> a(to‸ken: event.token)
        state a(token: string, size: int = token.size()) {
          on E when event.token == token -> a(token: token + "!")
          state inside { on E do token = "" }
          initial state other(n: int = 0) { on E -> b(token: token) do log token }
        }
        state b(token: string) { on E -> a(token: token) }
        final c
        migrate from 1 { data a.token = old.token }
      }
      test "t" { send E{token: "x"}  expect data a.token == "x" && a.size == 1 }
      """)
    let edits = try marked.view.rename(at: marked.offsets[0], in: Marked.path, to: "code")
    let changed = marked.applying(edits)
    #expect(changed.contains("start on E -> a(code: event.token)"))
    #expect(changed.contains("state a(code: string, size: int = code.size()) {"))
    #expect(changed.contains("when event.token == code -> a(code: code + \"!\")"))
    #expect(changed.contains("{ on E do code = \"\" }"))
    #expect(changed.contains("on E -> b(token: code) do log code"))
    #expect(changed.contains("state b(token: string) { on E -> a(code: token) }"))
    #expect(changed.contains("data a.code = old.token"))
    #expect(changed.contains("expect data a.code == \"x\""))
    #expect(throws: RenameProblem.self) {
      try marked.view.rename(at: marked.offsets[0], in: Marked.path, to: "size")
    }
  }

  @Test("references cross files")
  func imports() {
    let marked = Marked(
      "import \"shop.flow\" as shop\nevent E { item: shop.It‸em }", others: ["/shop.flow": "type Item { a: int }"])
    let locations = marked.view.references(at: marked.offsets[0], in: Marked.path, includesDeclaration: true)
    #expect(Set(locations.map(\.file)) == ["/test.flow", "/shop.flow"])
    #expect(marked.view.definition(at: marked.offsets[0], in: Marked.path)?.file == "/shop.flow")
  }
}
