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

  var place: String { "\(Repository.path(of: file)):\(line) \(name)" }

  /// The functions of all files of `Sources`.
  static let all = Repository.sources.flatMap(functions)

  static func functions(in url: URL) -> [ScannedFunction] {
    let text = Repository.text(of: url)
    let code = String(decoding: SwiftScanner(text).code, as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return code.matches(of: /\b(func\s+[^\s(<]+|func\s+<[^(]*|init[?!]?|subscript)\s*(?:<[^({]*>)?\(/).compactMap {
      match in
      let start = match.range.lowerBound
      if match.1.hasPrefix("init"), start > code.startIndex, ".".contains(code[code.index(before: start)]) {
        return nil
      }
      let line = code[..<start].count { $0 == "\n" } + 1
      return function(named: String(match.1), at: line, in: url, code: code[match.range.upperBound...], lines: lines)
    }
  }

  private static func function(
    named name: String, at line: Int, in url: URL, code: Substring, lines: [Substring]
  ) -> ScannedFunction {
    let end = closing(code)
    let parameters = split(code[..<end])
    let rest = code[end...].dropFirst()
    let signature = rest.prefix { $0 != "{" && $0 != "}" && $0 != "\n" }
    let head = lines[line - 1].prefix { $0 != "(" }
    return ScannedFunction(
      file: url, line: line, name: name.replacing("func ", with: ""),
      unlabelledParameters: parameters.count { $0.firstMatch(of: /^\s*(?:@\w+\s+)*_\s/) != nil },
      length: bodyLength(rest) + code[..<end].count { $0 == "\n" } + 1,
      isPublic: head.contains("public ") || head.contains("open "), canThrow: signature.contains("throws"),
      documentation: documentation(above: line, in: lines))
  }

  /// The index of the bracket that closes a parameter list.
  private static func closing(_ code: Substring) -> Substring.Index {
    var depth = 1
    for index in code.indices {
      if "([{".contains(code[index]) { depth += 1 }
      if ")]}".contains(code[index]) { depth -= 1 }
      if depth == 0 { return index }
    }
    return code.endIndex
  }

  private static func split(_ parameters: Substring) -> [String] {
    var parts = [""]
    var depth = 0
    var previous: Character = " "
    for character in parameters {
      if "([{<".contains(character) { depth += 1 }
      if ")]}".contains(character) || character == ">" && previous != "-" { depth -= 1 }
      if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
      previous = character
    }
    return parts
  }

  /// The number of line breaks from the end of the parameters to the closing brace; 0 for a requirement of a protocol.
  private static func bodyLength(_ code: Substring) -> Int {
    guard let open = code.firstIndex(of: "{"),
      code[..<open].firstMatch(of: /[}]|\b(func|var|let|init|case|subscript)\b/) == nil
    else { return 0 }
    let body = code[code.index(after: open)...]
    return code[..<closing(body)].count { $0 == "\n" }
  }

  private static func documentation(above line: Int, in lines: [Substring]) -> String {
    var found: [String] = []
    for text in lines[..<(line - 1)].reversed() {
      let trimmed = text.drop { $0 == " " }
      if trimmed.hasPrefix("///") { found.append(String(trimmed)) } else if !trimmed.hasPrefix("@") { break }
    }
    return found.reversed().joined(separator: "\n")
  }
}
