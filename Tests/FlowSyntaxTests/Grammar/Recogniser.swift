/// Asks whether a text can be derived from a grammar: all ways at once, each production at each place only once.
struct Recogniser {
  private struct Visit: Hashable {
    var rule: Grammar.Rule
    var position: Int
  }

  private let grammar: Grammar
  /// Where a word or a terminal that begins at a place may end.
  private let wordEnd: (String, Int) -> Int?
  private let terminalEnds: (String, Int) -> Set<Int>
  private var known: [Visit: Set<Int>] = [:]
  /// The furthest place that was reached, to say where it does not go on.
  private(set) var furthest = 0

  init(
    _ grammar: Grammar, wordEnd: @escaping (String, Int) -> Int?, terminalEnds: @escaping (String, Int) -> Set<Int>
  ) {
    self.grammar = grammar
    self.wordEnd = wordEnd
    self.terminalEnds = terminalEnds
  }

  /// Where a text that begins at `position` and is derived from a production may end.
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
      var places: Set<Int> = [position]
      for part in parts { places = places.reduce(into: []) { $0.formUnion(ends(part, $1)) } }
      return places
    case .choice(let parts): return parts.reduce(into: []) { $0.formUnion(ends($1, position)) }
    case .optional(let part): return ends(part, position).union([position])
    case .repeated(let part):
      var all: Set<Int> = [position]
      var open = [position]
      while let place = open.popLast() {
        for end in ends(part, place) where all.insert(end).inserted { open.append(end) }
      }
      return all
    }
  }
}
