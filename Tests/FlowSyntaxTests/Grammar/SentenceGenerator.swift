import FlowGenerator

/// Walks a grammar at random and collects the words: a sentence of the language.
///
/// Every second walk prefers alternatives not used before, so that a few thousand sentences cover the grammar.
struct SentenceGenerator {
  /// A choice in the grammar, and the selected alternative.
  struct Way: Hashable {
    var production: String
    var rule: Grammar.Rule
    var choice: Int
  }

  /// The number of words after which the walk takes the shortest way to the end.
  private static let maximumWords = 150

  private let grammar: Grammar
  private let terminal: (String, [String], inout SplitMix64) -> String
  private var random: SplitMix64
  private(set) var seen: [Way: Int] = [:]
  /// The minimum number of steps to the end of each production.
  private var heights: [String: Int] = [:]

  /// The productions that lead to an unused alternative.
  private var unfinished: Set<String> = []
  private var isFinished = false

  private var words: [String] = []
  /// The productions that contain the current position of the walk.
  private var path: [String] = []

  /// - Parameter terminal: A text for a terminal, within the productions that lead to it.
  init(_ grammar: Grammar, seed: UInt64, terminal: @escaping (String, [String], inout SplitMix64) -> String) {
    self.grammar = grammar
    self.terminal = terminal
    self.random = SplitMix64(state: seed)
    ways = grammar.productions.flatMap { SentenceGenerator.ways(of: $0.value, in: $0.key) }
    for _ in grammar.productions {
      for (name, rule) in grammar.productions { heights[name] = height(rule) }
    }
  }

  /// The words of one sentence.
  mutating func sentence(depth: Int) -> [String] {
    words = []
    findUnfinished()
    walk(.name(grammar.start), depth)
    return words
  }

  /// All alternatives, including unused ones.
  private(set) var ways: [Way] = []

  private static func ways(of rule: Grammar.Rule, in production: String) -> [Way] {
    let count =
      switch rule {
      case .choice(let parts): parts.count
      case .optional, .repeated: 2
      default: 0
      }
    return (0..<count).map { Way(production: production, rule: rule, choice: $0) }
      + rule.parts.flatMap { ways(of: $0, in: production) }
  }

  private mutating func findUnfinished() {
    if isFinished { return }
    unfinished = Set(ways.filter { seen[$0] == nil }.map(\.production))
    isFinished = unfinished.isEmpty
    var count = -1
    while count != unfinished.count {
      count = unfinished.count
      for (name, rule) in grammar.productions where leadsToUnfinished(rule) { unfinished.insert(name) }
    }
  }

  private func leadsToUnfinished(_ rule: Grammar.Rule) -> Bool { rule.names.contains { unfinished.contains($0) } }

  private func height(_ rule: Grammar.Rule) -> Int {
    switch rule {
    case .word, .optional, .repeated: 0
    case .name(let name): Grammar.isTerminal(name) ? 0 : 1 + (heights[name] ?? 1000)
    case .sequence(let parts): parts.map { height($0) }.max() ?? 0
    case .choice(let parts): parts.map { height($0) }.min() ?? 0
    }
  }

  private mutating func walk(_ rule: Grammar.Rule, _ depth: Int) {
    let depth = words.count < SentenceGenerator.maximumWords ? depth : 0
    switch rule {
    case .word(let word): words.append(word)
    case .name(let name):
      if Grammar.isTerminal(name) {
        words.append(terminal(name, path, &random))
      } else if let production = grammar.productions[name] {
        path.append(name)
        walk(production, depth - 1)
        path.removeLast()
      }
    case .sequence(let parts): for part in parts { walk(part, depth) }
    case .choice(let parts):
      let possible = parts.indices.filter { height(parts[$0]) < depth }
      let least = parts.indices.min { height(parts[$0]) < height(parts[$1]) } ?? 0
      let choice = choose(rule, among: possible.isEmpty ? [least] : possible) { parts[$0] }
      walk(parts[choice], depth)
    case .optional(let part):
      let choices = depth > height(part) ? [0, 1] : [0]
      if choose(rule, among: choices, leadingTo: { $0 == 1 ? part : nil }) == 1 { walk(part, depth) }
    case .repeated(let part):
      // New alternatives lead the walk at the beginning only; a recursive grammar would otherwise repeat everything.
      let isLed = words.count < SentenceGenerator.maximumWords / 4
      let choices = depth > height(part) ? [0, 1] : [0]
      guard choose(rule, among: choices, leadingTo: { $0 == 1 && isLed ? part : nil }) == 1 else { return }
      for _ in 0...random.next(below: 2) { walk(part, depth) }
    }
  }

  private mutating func choose(
    _ rule: Grammar.Rule, among choices: [Int], leadingTo part: (Int) -> Grammar.Rule?
  ) -> Int {
    let ways = choices.map { Way(production: path.last ?? "", rule: rule, choice: $0) }
    let new = ways.filter { seen[$0] == nil || part($0.choice).map(leadsToUnfinished) == true }
    let way = new.isEmpty || random.next(below: 2) == 0 ? random.pick(ways) : random.pick(new)
    seen[way, default: 0] += 1
    return way.choice
  }
}
