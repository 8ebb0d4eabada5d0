import FlowTestSupport
import Foundation
import Testing

/// The rules for documents, grammars and samples: plain English, and links that lead somewhere.
@Suite struct DocumentRules {
  /// Expressions of the former private dialect, with the plain form.
  static let retired: [(expression: String, plain: String)] = [
    ("anew", "again"), ("for ever", "indefinitely"), ("whoever", "the role: the caller, a client, an operator"),
    ("whomever", "the role: the caller, a client, an operator"), ("nobody", "no caller, no subscriber"),
    ("somebody", "an operator, another client"), ("who asks", "the caller"), ("deed", "operation"),
    ("deeds", "operations"), ("heard", "reported, received"), ("hears", "receives"), ("hear", "receive, report"),
    ("comes of it", "results from it"), ("come of it", "result from it"), ("comes of them", "results from them"),
    ("is none", "is not a …"), ("are told", "are notified"), ("is told", "receives"), ("tells", "reports"),
    ("takes nothing", "rejects all changes"), ("is said", "is reported"), ("put off", "deferred, postponed"),
    ("stands still", "does not change"), ("length of time", "duration"), ("lengths of time", "durations"),
    ("no longer to be used", "deprecated"), ("in form", "formatted"),
    ("way out", "fix"), ("looked at", "inspected, reviewed"), ("let in", "accept"), ("lets in", "accepts"),
    ("spared", "protected"), ("goes on", "continues"), ("go on", "continue"), ("begins anew", "restarts"),
    ("so many", "the number"), ("as it stands", "unchanged"), ("besides", "in addition, except"),
  ]

  /// The style guide quotes the expressions that it replaces.
  static let quoting = ["Docs/style.md"]

  static let documents =
    files(in: ["Docs", "samples"], withExtensions: ["md", "service"]) + files(in: [""], withExtensions: ["md"])
  static let texts = documents + files(in: ["grammar", "samples"], withExtensions: ["ebnf", "flow", "py"])

  /// The files of folders of the package. The root is not searched recursively, because it contains build products.
  private static func files(in folders: [String], withExtensions extensions: [String]) -> [Document] {
    folders.flatMap { folder -> [Document] in
      let directory = folder.isEmpty ? packageRoot : packageRoot.appending(path: folder)
      let options: FileManager.DirectoryEnumerationOptions = folder.isEmpty ? [.skipsSubdirectoryDescendants] : []
      let found = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil, options: options)
      return (found?.compactMap { $0 as? URL } ?? []).filter { extensions.contains($0.pathExtension) }
        .sorted { $0.path < $1.path }.map { Document(url: $0) }
    }
  }

  @Test("there are documents to check") func documentsExist() {
    #expect(DocumentRules.documents.count > 100)
    #expect(DocumentRules.texts.count > DocumentRules.documents.count + 8)
  }

  @Test("retired expressions do not occur", arguments: texts)
  func vocabulary(_ document: Document) {
    guard !DocumentRules.quoting.contains(document.path) else { return }
    // The third line of a diagnostics page is the summary of its rule, which belongs to the sources.
    let lines = document.prose.filter { !document.path.hasPrefix("Docs/diagnostics/") || $0.number != 3 }
    for (number, line) in lines {
      for (expression, plain) in DocumentRules.retired where contains(line, expression) {
        Issue.record("\(document.path):\(number): `\(expression)` is retired; write: \(plain)")
      }
    }
  }

  /// Whether a line contains an expression as whole words, in lower case or at the beginning of a sentence.
  private func contains(_ line: String, _ expression: String) -> Bool {
    let forms = [expression, expression.prefix(1).uppercased() + expression.dropFirst()]
    return forms.flatMap { line.ranges(of: $0) }.contains { range in
      let before = line[..<range.lowerBound].last
      let after = line[range.upperBound...].first
      return before?.isLetter != true && after?.isLetter != true
    }
  }

  @Test("a page starts with a title, and headings are noun phrases", arguments: documents.filter(\.isMarkdown))
  func headings(_ document: Document) {
    #expect(document.text.hasPrefix("# "), "\(document.path) has no title")
    let pronouns = ["what", "who", "whoever", "how", "why", "where", "when", "whether", "which"]
    for heading in document.headings {
      let first = heading.prefix { $0.isLetter }.lowercased()
      #expect(!pronouns.contains(first), "\(document.path): `\(heading)` is not a noun phrase")
      #expect(heading.last.map { !"?.!:".contains($0) } ?? false, "\(document.path): `\(heading)` is a sentence")
    }
  }

  @Test("relative links lead to a file and a heading", arguments: documents.filter(\.isMarkdown))
  func links(_ document: Document) {
    for target in document.links where !target.contains("://") {
      let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let url =
        parts[0].isEmpty ? document.url : document.url.deletingLastPathComponent().appending(path: parts[0])
      guard FileManager.default.fileExists(atPath: url.standardizedFileURL.path) else {
        Issue.record("\(document.path) links to `\(target)`, which does not exist")
        continue
      }
      guard parts.count == 2 else { continue }
      #expect(
        Document(url: url).anchors.contains(parts[1]),
        "\(document.path) links to `\(target)`, which has no such heading")
    }
  }

  @Test("paths in code spans exist", arguments: documents.filter(\.isMarkdown))
  func paths(_ document: Document) {
    for path in document.paths {
      let url = packageRoot.appending(path: path)
      #expect(
        FileManager.default.fileExists(atPath: url.path), "\(document.path) names `\(path)`, which does not exist")
    }
  }
}

extension DocumentRules {
  /// All words of the Swift sources and the manifest: a type that was renamed is no longer among them.
  static let identifiers: Set<String> = {
    let files = Repository.all + [packageRoot.appending(path: "Package.swift")]
    return files.reduce(into: []) { words, url in
      let bytes = (try? Data(contentsOf: url)) ?? Data()
      for word in bytes.split(whereSeparator: { !isWordByte($0) }) {
        words.insert(String(decoding: word, as: UTF8.self))
      }
    }
  }()

  @Test("types named in documents exist", arguments: ["architecture", "cel", "security", "style"])
  func types(_ page: String) {
    let document = Document(url: packageRoot.appending(path: "Docs/\(page).md"))
    for name in document.types where !DocumentRules.formerTypes.contains(name) {
      #expect(DocumentRules.identifiers.contains(name), "\(document.path) names `\(name)`, which does not exist")
    }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
    default: false
    }
  }

  /// Quoted as bad examples.
  private static let formerTypes = ["Visit", "Doubt", "Verdict", "Population"]
}

/// A text file of the package.
struct Document: Sendable, CustomTestStringConvertible {
  let url: URL

  var path: String { url.standardizedFileURL.path.replacing(packageRoot.standardizedFileURL.path + "/", with: "") }
  var testDescription: String { path }
  var isMarkdown: Bool { url.pathExtension == "md" }
  var text: String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }

  /// The lines with their numbers. In Markdown, code is left out, because it may be output of a program.
  var prose: [(number: Int, line: String)] {
    var isCode = false
    return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
      if isMarkdown, line.drop(while: { $0 == " " }).hasPrefix("```") {
        isCode.toggle()
        return nil
      }
      return isCode ? nil : (index + 1, isMarkdown ? withoutCodeSpans(line) : String(line))
    }
  }

  private func withoutCodeSpans(_ line: Substring) -> String { String(line.replacing(/`[^`]*`/, with: "``")) }

  /// The headings without their marks, with code spans.
  var headings: [String] {
    var isCode = false
    return text.split(separator: "\n").compactMap { line in
      if line.hasPrefix("```") { isCode.toggle() }
      guard !isCode, let match = line.firstMatch(of: /^#{1,6} (.+)$/) else { return nil }
      return String(match.1)
    }
  }

  /// The fragments of the headings, as GitHub makes them.
  var anchors: Set<String> {
    Set(
      headings.map { heading in
        String(
          heading.lowercased().compactMap {
            $0 == " " ? "-" : $0.isLetter || $0.isNumber || "-_".contains($0) ? $0 : nil
          })
      })
  }

  /// The targets of the links outside code blocks.
  var links: [String] {
    textOutsideCode.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
  }

  /// The code spans that name a file or folder of the package.
  var paths: [String] {
    textOutsideCode.matches(of: /`((?:Sources|Tests|Docs|samples|grammar)\/[\w.+\/-]+)`/).map { String($0.1) }
  }

  /// The code spans that name a type of several words or a target, such as `FlowServer`.
  var types: [String] {
    textOutsideCode.matches(of: /`([A-Z]\w*[a-z][A-Z]\w*)(?:\.\w+)?`/).map { String($0.1) }
  }

  private var textOutsideCode: String { text.replacing(/```.*?\n```/.dotMatchesNewlines(), with: "") }
}
