import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import flow

/// The table of commands and everything generated from it.
@Suite struct CommandTableTests {
  /// The short options of a release do not change, because scripts depend on them.
  @Test("short options never change")
  func shortOptions() {
    let expected: [String: [Character: String]] = [
      "check": ["f": "format", "o": "output", "w": "watch"], "lint": ["f": "format", "o": "output", "w": "watch"],
      "fmt": [:], "graph": ["f": "format"], "compile": ["o": "output"], "explain": ["f": "format"],
      "test": ["f": "format"], "simulate": ["f": "format"], "run": ["f": "format"], "repl": ["e": "execute"],
      "eval": ["f": "format"], "serve": ["s": "store", "a": "addr", "k": "keys", "w": "watch"],
      "ctl": ["s": "server", "n": "dry-run", "f": "format"], "key": ["k": "keys"], "store": ["f": "format"],
      "lsp": [:], "verify": ["f": "format"], "new": ["t": "template"], "tour": ["o": "output"],
      "docs": ["o": "output", "f": "format"],
      "config": ["f": "format"], "completion": [:],
      "man": ["o": "output", "f": "format"], "version": [:],
    ]
    for command in FlowCommandLine.commands {
      let letters = command.options.compactMap { option in option.short.map { ($0, option.name) } }
      #expect(Set(letters.map(\.0)).count == letters.count, "`\(command.name)` has a letter twice")
      let known = Dictionary(letters) { first, _ in first }
      #expect(known == expected[command.name], "`\(command.name)`: add new letters here, and keep the others")
    }
  }

  @Test("a command lists each option once, with a help text in lower case and without a full stop")
  func optionTexts() {
    for command in FlowCommandLine.commands {
      #expect(command.summary.hasSuffix(".") && command.summary.first?.isUppercase == true, "\(command.summary)")
      #expect(Set(command.options.map(\.name)).count == command.options.count, "`\(command.name)`")
      for option in command.options {
        #expect(!option.help.isEmpty && !option.help.hasSuffix("."), "`\(command.name) --\(option.name)`")
        #expect(option.help.first?.isUppercase == false || option.help.hasPrefix("JSON"), "\(option.help)")
      }
    }
  }

  @Test("Docs/commands.md is the output of flow man --format markdown")
  func reference() throws {
    let output = try FlowProcess.run("man", "--format", "markdown")
    #expect(output.code == 0)
    try expectGolden(output.output, at: packageRoot.appending(path: "Docs/commands.md"))
  }

  private static let hasMandoc = FileManager.default.isExecutableFile(atPath: "/usr/bin/mandoc")

  @Test("every manual page passes mandoc's checks", .enabled(if: hasMandoc))
  func manualPages() throws {
    let folder = try TestFolder()
    #expect(try FlowProcess.run("man", "--output", folder.url.path).code == 0)
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).filter { $0.hasPrefix("flow") }
    #expect(pages.count == FlowCommandLine.commands.count + 2, "flow(1), flow.toml(5) and one page per command")
    for page in pages {
      let result = try runProgram("mandoc", "-T", "lint", "-W", "warning", folder.url.appending(path: page).path)
      #expect(result.output.isEmpty, "\(page): \(result.output)")
    }
    withExtendedLifetime(folder) {}
  }

  @Test("version --json names the versions of the tool, the IR and the API")
  func version() throws {
    let document = try JSON(parsing: try FlowProcess.run("version", "--json").output)
    #expect(document["version"] == .string(FlowCommandLine.version))
    #expect(document["ir"] == 1)
    #expect(document["api"] == "v1")
    #expect(try FlowProcess.run("--version").output == "flow \(FlowCommandLine.version)\n")
  }

  @Test(
    "options are parsed by their long and short forms",
    arguments: [
      (["eval", "-1"], 0, "-1\n"), (["eval", "--type", "1"], 0, "1 : int\n"), (["eval", "-f", "text", "2"], 0, "2\n"),
      (["eval", "--format=text", "2"], 0, "2\n"), (["eval", "--", "-(1)"], 0, "-1\n"),
    ])
  func parsing(_ words: [String], _ code: Int32, _ output: String) throws {
    let run = try FlowProcess.run(words)
    #expect(run.code == code, "\(run.errors)")
    #expect(run.output == output)
  }

  @Test(
    "mistakes in options are reported",
    arguments: [
      (["eval", "--type=x", "1"], "`--type` does not take a value"), (["eval", "--data"], "`--data` requires a value"),
      (["eval", "-t", "1"], "unknown option `-t`"), (["eval", "--typ", "1"], "did you mean `--type`?"),
      (["simulate", "x.flow", "--runs", "0"], "`--runs` must be at least 1, not 0"),
      (["serve", "x.flow", "--rate", "many"], "`--rate` must be a whole number, not `many`"),
      (["completion", "tcsh"], "requires bash, zsh or fish"), (["config"], "requires the operation `show`"),
    ])
  func mistakes(_ words: [String], _ message: String) throws {
    let run = try FlowProcess.run(words)
    #expect(run.code == 2)
    #expect(run.errors.contains(message), "\(run.errors)")
  }
}
