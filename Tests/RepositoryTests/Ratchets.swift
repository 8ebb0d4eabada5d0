import FlowTestSupport
import Foundation
import Testing

/// Counts that only go down. A limit is lowered when the count falls, and never raised.
@Suite struct Ratchets {
  /// Fails when there are more findings than the limit, and lists them. `RATCHETS=1` prints the count.
  private func expect(_ findings: [String], atMost limit: Int, _ rule: String) {
    if ProcessInfo.processInfo.environment["RATCHETS"] != nil { print("\(rule): \(findings.count)") }
    #expect(
      findings.count <= limit, "\(rule): \(findings.count), at most \(limit)\n\(findings.joined(separator: "\n"))")
  }

  @Test("fewer than 20 functions have three or more unlabelled parameters")
  func labels() {
    let found = ScannedFunction.all.filter { $0.unlabelledParameters > 2 }.map(\.location)
    #expect(ScannedFunction.all.count > 3000, "the scanner finds the functions")
    expect(found, atMost: 15, "arguments after the first carry labels")
  }

  @Test("a function has at most 70 lines")
  func functionLength() {
    // The switch over all opcodes of the CEL interpreter; splitting it costs speed.
    let exceptions = ["evaluateCode"]
    let found = ScannedFunction.all.filter { $0.length > 70 && !exceptions.contains($0.name) }
    expect(found.map { "\($0.location): \($0.length) lines" }, atMost: 0, "split the function")
  }

  @Test("a folder of sources has at most 15 files")
  func filesPerFolder() {
    let folders = Dictionary(grouping: Repository.sources) { $0.deletingLastPathComponent() }
    let found = folders.filter { $0.value.count > 15 }.map { "\(Repository.path(of: $0.key)): \($0.value.count) files" }
    expect(found.sorted(), atMost: 1, "group the files in folders by subject")
  }

  @Test("no top-level type is declared in two targets")
  func duplicateTypes() {
    var targets: [String: Set<String>] = [:]
    for url in Repository.sources {
      for line in Repository.lines(of: url) {
        if let name = declaredType(line) { targets[name, default: []].insert(Repository.target(of: url)) }
      }
    }
    let found = targets.filter { $0.value.count > 1 }.map { "\($0.key): \($0.value.sorted().joined(separator: ", "))" }
    expect(found.sorted(), atMost: 0, "one name for one type")
  }

  /// The name of the type that a line without indentation declares.
  private func declaredType(_ line: Substring) -> String? {
    guard line.utf8.first.map({ $0 >= UInt8(ascii: "@") }) ?? false else { return nil }
    let modifiers: Set<Substring> = ["public", "package", "indirect", "final"]
    let words = line.split(separator: " ").drop { modifiers.contains($0) || $0.hasPrefix("@") }
    guard words.count > 1, let keyword = words.first,
      ["struct", "class", "enum", "actor", "protocol"].contains(keyword)
    else { return nil }
    return String(words[words.startIndex + 1].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
  }

  @Test("every public throwing function documents its errors")
  func documentedErrors() {
    let found = ScannedFunction.all.filter { $0.isPublic && $0.canThrow && !$0.documentation.contains("- Throws:") }
    expect(found.map(\.location), atMost: 0, "add `- Throws:`")
  }

  @Test("every library target has a DocC catalogue")
  func catalogues() throws {
    let manifest = Repository.text(of: packageRoot.appending(path: "Package.swift"))
    let libraries = manifest.matches(of: /library\(\s*\.(\w+),\s*"(\w+)"/).map { (layer: $0.1, name: String($0.2)) }
    #expect(libraries.count > 15)
    let found = libraries.filter { library in
      let folder = "Sources/\(library.layer.capitalized)/\(library.name)"
      return !Repository.files(below: folder).contains { $0.pathExtension == "docc" }
    }
    expect(found.map(\.name), atMost: 0, "add NAME.docc/NAME.md")
  }

  @Test("every golden file belongs to a test")
  func goldenFiles() {
    let files = Repository.files(below: "Tests")
    let paths = Set(files.map(\.path))
    let tests = Repository.swiftFiles(below: "Tests").map(Repository.text).joined()
    let found = files.filter { $0.pathExtension == "golden" }.filter { url in
      let stem = url.deletingPathExtension()
      let isBesideItsSource = [stem, stem.deletingPathExtension()].contains { base in
        ["flow", "json", "scxml", "txt"].contains { paths.contains(base.appendingPathExtension($0).path) }
      }
      let name = stem.lastPathComponent
      return !isBesideItsSource && !tests.contains("\"\(name)\"")
    }
    expect(found.map(Repository.path), atMost: 0, "remove the file, or add its source")
  }
}
