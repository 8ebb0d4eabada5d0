import FlowTestSupport
import Foundation
import Testing

/// The shell blocks of the tutorial and the how-to guides, run in order with the output that the pages show.
@Suite struct TutorialTests {
  /// A fenced block of a page.
  struct Block {
    var language: String
    var text: String
    var line: Int
  }

  static let pages = ["tutorial.md"] + guides.map { "howto/\($0)" }

  private static var guides: [String] {
    let folder = packageRoot.appending(path: "Docs/howto").path
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".md") }
      .sorted()
  }

  static func blocks(of text: String) -> [Block] {
    var blocks: [Block] = []
    var isInside = false
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("```") {
        isInside.toggle()
        if isInside { blocks.append(Block(language: String(line.dropFirst(3)), text: "", line: index + 1)) }
      } else if isInside {
        blocks[blocks.count - 1].text += line + "\n"
      }
    }
    return blocks
  }

  /// A script that runs the blocks in one shell, and prints a mark after each.
  ///
  /// A block `flow NAME` is written to the file NAME; a block `sh` is run; the block `text` after it is its output.
  private func script(_ blocks: [Block], ports: [Int]) -> String {
    var script = "set -euo pipefail\nexport LC_ALL=C.UTF-8\n"
    for block in blocks {
      let text = block.text.replacing("8080", with: "\(ports[0])").replacing("8081", with: "\(ports[1])")
      let words = block.language.split(separator: " ")
      if words.first == "flow", words.count == 2 {
        script += "cat > \(words[1]) <<'END_OF_FILE'\n\(text)END_OF_FILE\n"
      } else if block.language == "sh" {
        script += text + "echo '--- \(block.line)'\n"
      }
    }
    return script
  }

  @Test("the commands of a page print what it shows", .timeLimit(.minutes(5)), arguments: pages)
  func page(_ name: String) throws {
    let text = try String(contentsOf: packageRoot.appending(path: "Docs/\(name)"), encoding: .utf8)
    let blocks = TutorialTests.blocks(of: text)
    guard blocks.contains(where: { $0.language == "sh" }) else { return }
    let folder = try TestFolder()
    let programs = folder.url.appending(path: "bin")
    try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: programs.appending(path: "flow"), withDestinationURL: ServerProcess.binary)
    try FileManager.default.createDirectory(
      at: folder.url.appending(path: "work"), withIntermediateDirectories: true)
    let file = try folder.write("page.sh", script(blocks, ports: [try freePort(), try freePort()]))
    let result = try runProgram(
      "bash", "-c",
      """
      trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
      cd \(folder.url.path)/work && PATH=\(programs.path):$PATH && source \(file)
      """
    )
    var parts: [Int: String] = [:]
    var output = ""
    for line in result.output.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("--- "), let number = Int(line.dropFirst(4)) {
        parts[number] = output
        output = ""
      } else {
        output += line + "\n"
      }
    }
    #expect(result.code == 0, "stopped after: \(output)")
    for (index, block) in blocks.enumerated() where block.language == "sh" {
      let next = index + 1 < blocks.count && blocks[index + 1].language == "text" ? blocks[index + 1].text : nil
      if let next { #expect(parts[block.line] == next, "Docs/\(name):\(block.line)") }
    }
    withExtendedLifetime(folder) {}
  }

  /// A currently free port.
  private func freePort() throws -> Int {
    let code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
    return try #require(Int(try runProgram("python3", "-c", code).output.dropLast()))
  }
}
