import FlowTestSupport
import Foundation

/// A function, initializer or subscript of a Swift file.
struct ScannedFunction {
  var file: URL
  /// The line of the declaration, from 1.
  var line: Int
  var name: String
  var unlabelledParameters: Int
  /// The number of lines from the declaration to the closing brace.
  var length: Int
  var isPublic: Bool
  var canThrow: Bool
  /// The documentation comment above it.
  var documentation: String

  var location: String { "\(Repository.path(of: file)):\(line) \(name)" }

  /// The functions of all files of `Sources`.
  static let all = Repository.sources.flatMap { FunctionScanner(file: $0).functions() }
}

/// Finds the functions of a Swift file in its bytes, in time linear in their lengths.
private struct FunctionScanner {
  let file: URL
  let code: [UInt8]
  let lines: [Substring]

  init(file: URL) {
    let text = Repository.text(of: file)
    self.file = file
    code = SwiftScanner(text).code
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  func functions() -> [ScannedFunction] {
    var found: [ScannedFunction] = []
    var index = 0
    var line = 1
    while index < code.count {
      if code[index] == UInt8(ascii: "\n") { line += 1 }
      guard isWord(code[index]) else {
        index += 1
        continue
      }
      let start = index
      while index < code.count, isWord(code[index]) { index += 1 }
      let isMember = start > 0 && code[start - 1] == UInt8(ascii: ".")
      if let (name, parameters) = isMember ? nil : declaration(keyword: start..<index) {
        found.append(function(named: name, at: line, parameters: parameters))
      }
    }
    return found
  }

  /// The name of the function that a keyword declares, and the index after the bracket that opens its parameters.
  private func declaration(keyword: Range<Int>) -> (name: String, parameters: Int)? {
    let word = text(keyword)
    guard word == "func" || word == "init" || word == "subscript" else { return nil }
    var index = keyword.upperBound
    var name = word
    if word == "func" {
      index = skip(from: index) { $0 == UInt8(ascii: " ") }
      let end = skip(from: index) { !" (<\n".utf8.contains($0) }
      name = text(index..<end)
      // An operator such as `<` or `<=`.
      index = end == index ? skip(from: index) { $0 != UInt8(ascii: "(") } : end
    } else if index < code.count, "?!".utf8.contains(code[index]) {
      index += 1
    }
    index = skip(from: index) { $0 == UInt8(ascii: " ") }
    if index < code.count, code[index] == UInt8(ascii: "<") { index = skip(from: index) { $0 != UInt8(ascii: "(") } }
    guard index < code.count, code[index] == UInt8(ascii: "(") else { return nil }
    return (name, index + 1)
  }

  private func function(named name: String, at line: Int, parameters start: Int) -> ScannedFunction {
    let end = closing(from: start)
    let signature = (end + 1)..<skip(from: end + 1) { !"{}\n".utf8.contains($0) }
    let head = lines[line - 1].prefix { $0 != "(" }
    return ScannedFunction(
      file: file, line: line, name: name, unlabelledParameters: unlabelledParameters(start..<end),
      length: newlines(start..<end) + bodyLength(from: end + 1) + 1,
      isPublic: head.contains("public ") || head.contains("open "),
      canThrow: text(signature).contains("throws"), documentation: documentation(above: line))
  }

  private func unlabelledParameters(_ range: Range<Int>) -> Int {
    var count = 0
    var depth = 0
    var first = range.lowerBound
    for index in range {
      let byte = code[index]
      if "([{<".utf8.contains(byte) { depth += 1 }
      if ")]}".utf8.contains(byte) || byte == UInt8(ascii: ">") && code[index - 1] != UInt8(ascii: "-") { depth -= 1 }
      guard byte == UInt8(ascii: ","), depth == 0 else { continue }
      count += isUnlabelled(first..<index) ? 1 : 0
      first = index + 1
    }
    return count + (isUnlabelled(first..<range.upperBound) ? 1 : 0)
  }

  private func isUnlabelled(_ parameter: Range<Int>) -> Bool {
    let words = code[parameter].split { " \n".utf8.contains($0) }.drop { $0.first == UInt8(ascii: "@") }
    return words.first?.elementsEqual("_".utf8) ?? false
  }

  /// The index of the bracket that closes one opened before the given index.
  private func closing(from start: Int) -> Int {
    var depth = 1
    return skip(from: start) { byte in
      if "([{".utf8.contains(byte) { depth += 1 }
      if ")]}".utf8.contains(byte) { depth -= 1 }
      return depth > 0
    }
  }

  /// The number of line breaks from the end of the parameters to the closing brace; 0 for a requirement of a protocol.
  private func bodyLength(from start: Int) -> Int {
    let open = skip(from: start) { !"{}".utf8.contains($0) }
    guard open < code.count, code[open] == UInt8(ascii: "{") else { return 0 }
    let declarations = ["func", "var", "let", "init", "case", "subscript"]
    let words = code[start..<open].split { !isWord($0) }.map { String(decoding: $0, as: UTF8.self) }
    guard !words.contains(where: declarations.contains) else { return 0 }
    return newlines(start..<closing(from: open + 1))
  }

  private func documentation(above line: Int) -> String {
    var found: [String] = []
    for text in lines[..<(line - 1)].reversed() {
      let trimmed = text.drop { $0 == " " }
      if trimmed.hasPrefix("///") { found.append(String(trimmed)) } else if !trimmed.hasPrefix("@") { break }
    }
    return found.reversed().joined(separator: "\n")
  }

  private func skip(from start: Int, while condition: (UInt8) -> Bool) -> Int {
    var index = start
    while index < code.count, condition(code[index]) { index += 1 }
    return index
  }

  private func newlines(_ range: Range<Int>) -> Int { code[range].count { $0 == UInt8(ascii: "\n") } }

  private func text(_ range: Range<Int>) -> String { String(decoding: code[range], as: UTF8.self) }

  private func isWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 128 || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 32)
  }
}
