/// Determines whether a text can be derived from a grammar: all alternatives in parallel, each production once per
/// position.
struct Recogniser {
  private struct Visit: Hashable {
    var rule: Grammar.Rule
    var position: Int
  }

  private let grammar: Grammar
  /// The possible ends of a word or terminal that starts at a position.
  private let wordEnd: (String, Int) -> Int?
  private let terminalEnds: (String, Int) -> Set<Int>
  private var known: [Visit: Set<Int>] = [:]
  /// The furthest position that was reached, for the error message.
  private(set) var furthest = 0

  init(
    _ grammar: Grammar, wordEnd: @escaping (String, Int) -> Int?, terminalEnds: @escaping (String, Int) -> Set<Int>
  ) {
    self.grammar = grammar
    self.wordEnd = wordEnd
    self.terminalEnds = terminalEnds
  }

  /// The possible ends of a text that starts at `position` and is derived from a production.
  mutating func ends(of name: String, at position: Int = 0) -> Set<Int> { ends(.name(name), position) }

  private mutating func ends(_ rule: Grammar.Rule, _ position: Int) -> Set<Int> {
    furthest = max(furthest, position)
    switch rule {
    case .word(let word): return wordEnd(word, position).map { [$0] } ?? []
    case .name(let name):
      let visit = Visit(rule: rule, position: position)
      if let found = known[visit] { return found }
      let found =
        Grammar.isTerminal(name)
        ? terminalEnds(name, position) : grammar.productions[name].map { ends($0, position) } ?? []
      known[visit] = found
      return found
    case .sequence(let parts):
      var locations: Set<Int> = [position]
      for part in parts { locations = locations.reduce(into: []) { $0.formUnion(ends(part, $1)) } }
      return locations
    case .choice(let parts): return parts.reduce(into: []) { $0.formUnion(ends($1, position)) }
    case .optional(let part): return ends(part, position).union([position])
    case .repeated(let part):
      var all: Set<Int> = [position]
      var open = [position]
      while let location = open.popLast() {
        for end in ends(part, location) where all.insert(end).inserted { open.append(end) }
      }
      return all
    }
  }
}
