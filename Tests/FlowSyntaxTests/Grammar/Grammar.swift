import FlowTestSupport
import Foundation

/// A grammar in the notation of `grammar/*.ebnf`: `=`, `;`, `|`, `{ }`, `[ ]`, `( )`, quoted words and names.
struct Grammar {
  indirect enum Rule: Hashable {
    case word(String)
    /// A production; in capitals a terminal.
    case name(String)
    case sequence([Rule])
    case choice([Rule])
    case optional(Rule)
    case repeated(Rule)
  }

  struct Malformed: Error, CustomStringConvertible { var description: String }

  private(set) var productions: [String: Rule] = [:]
  /// The first production of the file.
  private(set) var start = ""

  static func isTerminal(_ name: String) -> Bool { name == name.uppercased() }

  /// Reads a file of the folder `grammar`.
  init(named name: String) throws {
    let text = try String(contentsOf: packageRoot.appending(path: "grammar/\(name)"), encoding: .utf8)
    try self.init(text)
  }

  init(_ text: String) throws {
    var reader = Reader(text)
    while let name = reader.next {
      try reader.take(name)
      try reader.take("=")
      guard productions[name] == nil else { throw Malformed(description: "`\(name)` is defined twice") }
      if start.isEmpty { start = name }
      productions[name] = try reader.choice()
      try reader.take(";")
    }
    for rule in productions.values {
      for name in rule.names where productions[name] == nil && !Grammar.isTerminal(name) {
        throw Malformed(description: "`\(name)` is not defined")
      }
    }
  }
}

extension Grammar.Rule {
  var parts: [Grammar.Rule] {
    switch self {
    case .word, .name: []
    case .sequence(let parts), .choice(let parts): parts
    case .optional(let part), .repeated(let part): [part]
    }
  }

  /// The productions and terminals to which it refers.
  var names: [String] {
    if case .name(let name) = self { [name] } else { parts.flatMap(\.names) }
  }

  /// The words that it contains.
  var words: [String] {
    if case .word(let word) = self { [word] } else { parts.flatMap(\.words) }
  }
}

private struct Reader {
  private var tokens: ArraySlice<String>

  init(_ text: String) {
    let plain = text.replacing(/\(\*(?s:.*?)\*\)/, with: " ")
    tokens = plain.matches(of: /"[^"]*"|[A-Za-z]+|[=;|{}\[\]()]/).map { String($0.0) }[...]
  }

  var next: String? { tokens.first }

  mutating func take(_ wanted: String) throws {
    guard tokens.popFirst() == wanted else { throw Grammar.Malformed(description: "expected `\(wanted)`") }
  }

  mutating func choice() throws -> Grammar.Rule {
    var choices = [try sequence()]
    while next == "|" {
      try take("|")
      choices.append(try sequence())
    }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence() throws -> Grammar.Rule {
    var parts: [Grammar.Rule] = []
    while let token = next, ![";", "|", "}", "]", ")"].contains(token) { parts.append(try item(token)) }
    return parts.count == 1 ? parts[0] : .sequence(parts)
  }

  private mutating func item(_ token: String) throws -> Grammar.Rule {
    try take(token)
    switch token {
    case "{": return .repeated(try enclosed("}"))
    case "[": return .optional(try enclosed("]"))
    case "(": return try enclosed(")")
    default: return token.hasPrefix("\"") ? .word(String(token.dropFirst().dropLast())) : .name(token)
    }
  }

  private mutating func enclosed(_ close: String) throws -> Grammar.Rule {
    let inner = try choice()
    try take(close)
    return inner
  }
}
