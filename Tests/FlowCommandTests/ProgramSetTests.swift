import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Commands with several files: files are separate programs unless they import each other, and names have to be unique
/// inside of a program only.
@Suite struct ProgramSetTests {
  private let folder: TestFolder

  init() throws {
    folder = try TestFolder()
    _ = try folder.write("shared.flow", "event Begin { id: string }\nevent Close\n")
    for (file, flow) in [("a.flow", "First"), ("b.flow", "Second")] {
      _ = try folder.write(
        file,
        """
        import "shared.flow"
        role clerk
        flow \(flow) {
          key id
          data { id: string }
          start on Begin -> open do id = event.id
          state open { on Close by clerk -> closed }
          final closed
        }
        test "\(flow) is closed" with \(flow) {
          send Begin { id: "x" }
          send Close by clerk
          expect state closed
        }

        """)
    }
  }

  private func flow(_ arguments: String...) throws -> FlowProcess { try FlowProcess.run(arguments, in: folder.url) }

  private static let operands: [[String]] = [["."], ["a.flow", "b.flow"], ["./b.flow", "a.flow", "shared.flow"]]

  @Test("the commands accept several programs, as files and as a folder", arguments: operands)
  func severalPrograms(_ operands: [String]) throws {
    let checked = try FlowProcess.run(["check"] + operands, in: folder.url)
    #expect(checked.code == 0, "\(checked.output)")
    let tested = try FlowProcess.run(["test"] + operands, in: folder.url)
    #expect(tested.code == 0, "\(tested.errors)")
    #expect(tested.output.contains("2 passed"), "\(tested.output)")
    let documented = try FlowProcess.run(["docs"] + operands, in: folder.url)
    #expect(documented.code == 0, "\(documented.errors)")
    for heading in ["# First", "# Second"] {
      #expect(documented.output.split(separator: "\n").count { $0 == heading } == 1, "\(documented.output)")
    }
  }

  @Test("a folder with several programs is simulated, drawn and run by the name of a flow")
  func aFlowIsSelected() throws {
    let simulated = try flow("simulate", ".", "--runs", "10", "--format", "json")
    let reports = try JSON(parsing: simulated.output).array ?? []
    #expect(Set(reports.compactMap { $0["flow"]?.string }) == ["First", "Second"])
    for name in ["First", "Second"] {
      let drawn = try flow("graph", ".", "--flow", name)
      #expect(drawn.code == 0, "\(drawn.errors)")
      let run = try FlowProcess.run(
        ["run", ".", "--flow", name], input: "{\"event\": \"Begin\", \"data\": {\"id\": \"x\"}}\n", in: folder.url)
      #expect(run.code == 0, "\(run.errors)")
    }
    let unknown = try flow("graph", ".", "--flow", "Frist")
    #expect(unknown.code == 2)
  }

  @Test("an IR file holds one program: several are refused")
  func severalProgramsAreNotCompiled() throws {
    let several = try flow("compile", "a.flow", "b.flow")
    #expect(several.code == 2)
    #expect(several.errors.contains("2 programs"), "\(several.errors)")
    #expect(try flow("compile", "a.flow", "shared.flow").code == 0, "one imports the other")
  }

  @Test("a name that one program declares twice is an error in every command")
  func namesClashInsideOfAProgram() throws {
    _ = try folder.write("all.flow", "import \"a.flow\"\nimport \"b.flow\"\n")
    for command in ["check", "test", "serve", "docs"] {
      let process = try flow(command, "all.flow")
      #expect(process.code == 1, "\(command)")
      #expect((process.errors + process.output).contains("F103"), "\(command): \(process.errors)")
    }
  }

  @Test("a file with errors does not hide the errors or the tests of the others")
  func errorsOfAllPrograms() throws {
    _ = try folder.write("c.flow", "flow Third { state open { on Nothing -> nowhere } }\n")
    let tested = try flow("test", ".")
    #expect(tested.code == 1)
    #expect(tested.errors.contains("c.flow"))
    #expect(tested.output.contains("2 passed"), "\(tested.output)")
  }
}
