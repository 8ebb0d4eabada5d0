import FlowTestSupport
import Foundation
import Testing

/// `flow fmt` on files, folders and standard input.
@Suite struct FormatCommandTests {
  static let loose = "role  a\ntype T {\n  x: int,\n}\n"
  static let tight = "role a\n\ntype T {\n  x: int\n}\n"
  static let difference = """
    --- loose.flow
    +++ loose.flow
    @@ -1,4 +1,5 @@
    -role  a
    +role a
    +
     type T {
    -  x: int,
    +  x: int
     }

    """

  /// A new folder with an unformatted file, a formatted one in a subfolder, and a file with syntax errors.
  private func folder(broken: Bool = false) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-fmt-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder.appending(path: "inner"), withIntermediateDirectories: true)
    try Data(FormatCommandTests.loose.utf8).write(to: folder.appending(path: "loose.flow"))
    try Data(FormatCommandTests.tight.utf8).write(to: folder.appending(path: "inner/tight.flow"))
    try Data("no flow".utf8).write(to: folder.appending(path: "inner/notes.txt"))
    if broken { try Data("flow {".utf8).write(to: folder.appending(path: "inner/broken.flow")) }
    return folder
  }

  private func text(_ folder: URL, _ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: name), encoding: .utf8)
  }

  @Test("fmt rewrites only files that are not formatted") func formatInPlace() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let tight = folder.appending(path: "inner/tight.flow").path
    let before = try FileManager.default.attributesOfItem(atPath: tight)[.systemFileNumber] as? Int
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o640], ofItemAtPath: folder.appending(path: "loose.flow").path)
    let run = try FlowProcess.run("fmt", ".", in: folder)
    #expect(run.code == 0 && run.output.isEmpty && run.errors.isEmpty)
    #expect(try text(folder, "loose.flow") == FormatCommandTests.tight)
    let rights = try FileManager.default.attributesOfItem(atPath: folder.appending(path: "loose.flow").path)
    #expect(rights[.posixPermissions] as? Int == 0o640)
    #expect(try FileManager.default.attributesOfItem(atPath: tight)[.systemFileNumber] as? Int == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["inner", "loose.flow"])
    #expect(try FlowProcess.run("fmt", "--check", ".", in: folder).code == 0)
  }

  @Test("fmt --check lists the files that are not formatted") func formatCheck() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("fmt", "--check", "loose.flow", "inner", in: folder)
    #expect(run.code == 1 && run.output == "loose.flow\n")
    #expect(try text(folder, "loose.flow") == FormatCommandTests.loose)
  }

  @Test("fmt --diff prints a unified diff") func formatDiff() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("fmt", "--diff", "loose.flow", in: folder)
    #expect(run.code == 1 && run.output == FormatCommandTests.difference)
    #expect(try text(folder, "loose.flow") == FormatCommandTests.loose)
    #expect(try FlowProcess.run("fmt", "--diff", "inner", in: folder).output.isEmpty)
  }

  /// Distant changes are separate hunks with their line numbers; a missing line end is marked.
  @Test("a unified diff has one hunk per group of changes") func hunks() throws {
    let roles = (1...20).map { "role r\($0)" }
    let text = (["role  a"] + roles + ["role  z"]).joined(separator: "\n")
    let run = try FlowProcess.run("fmt", "--stdin", "--diff", input: text)
    #expect(
      run.output == """
        --- <stdin>
        +++ <stdin>
        @@ -1,4 +1,4 @@
        -role  a
        +role a
         role r1
         role r2
         role r3
        @@ -19,4 +19,4 @@
         role r18
         role r19
         role r20
        -role  z
        \\ No newline at end of file
        +role z

        """)
  }

  @Test("fmt leaves a file with syntax errors unchanged") func formatBrokenFile() throws {
    let folder = try folder(broken: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let run = try FlowProcess.run("fmt", folder.path)
    #expect(run.code == 1 && run.errors.contains("broken.flow"))
    #expect(try text(folder, "inner/broken.flow") == "flow {")
    #expect(try text(folder, "loose.flow") == FormatCommandTests.tight)
  }

  @Test("fmt --stdin formats standard input to standard output") func formatStandardInput() throws {
    let run = try FlowProcess.run("fmt", "--stdin", input: FormatCommandTests.loose)
    #expect(run.code == 0 && run.output == FormatCommandTests.tight)
    #expect(try FlowProcess.run("fmt", "--stdin", "--check", input: FormatCommandTests.loose).code == 1)
    #expect(try FlowProcess.run("fmt", "--stdin", "--check", input: FormatCommandTests.tight).code == 0)
    #expect(try FlowProcess.run("fmt", "--stdin", input: "flow {").code == 1)
  }

  @Test("fmt requires either files or --stdin") func formatUsage() throws {
    #expect(try FlowProcess.run("fmt").code == 2)
    #expect(try FlowProcess.run("fmt", "--stdin", "x.flow").code == 2)
    #expect(try FlowProcess.run("fmt", "/no/such/file.flow").code == 2)
  }
}
