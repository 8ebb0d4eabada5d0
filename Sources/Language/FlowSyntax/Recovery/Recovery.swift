import CEL
import FlowSource

/// Turns the syntax errors of a file into one message per mistake.
///
/// The first error is taken as the mistake. Where it is a habit from another language, the right form is known. Else
/// small edits around it are tried (Burke and Fisher 1987): a token is deleted, inserted, replaced or swapped with the
/// next. The cheapest edit after which parsing continues for some tokens is made. The next error is the next mistake.
struct Recovery {
  /// The number of tokens that candidates may parse in total, so that a large file is not parsed a thousand times.
  static let budget = 2_000_000
  /// Larger files are not repaired: their errors are reported as they are found.
  static let maximumTokens = 60_000
  /// The number of tokens that candidates are followed for.
  static let horizon = 40
  /// The number of tokens without an error that make an edit a success.
  static let success = 10

  let source: SourceFile
  var stream: TokenStream
  private(set) var diagnostics: [Diagnostic] = []
  private var uncertainNames: Set<String> = []
  private var remaining = Recovery.budget

  init(_ source: SourceFile, _ stream: TokenStream) {
    self.source = source
    self.stream = stream
  }

  mutating func run() -> ([Declaration], Parser) {
    repairBraces()
    var resolved = -1
    while true {
      var parser = Parser(source, stream)
      let declarations = parser.parseFile()
      guard diagnostics.count < Parser.maximumDiagnostics,
        let error = parser.syntaxErrors.first(where: { $0.index > resolved })
      else { return (declarations, parser) }
      resolved = repair(error)
    }
  }

  mutating func report(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

  /// Reports a mistake and repairs the stream.
  /// - Returns: The index up to which errors belong to this mistake.
  private mutating func repair(_ error: SyntaxError) -> Int {
    let reader = TokenReader(source, stream)
    if isLiteral(error, reader) {
      report(error.diagnostic)
      stream = stream.replacing(error.index..<(error.index + 1), with: Habit.placeholder(reader.range(error.index)))
      return error.index + 1
    }
    if error.diagnostic.message.hasPrefix("the expression is nested deeper") {
      report(error.diagnostic)
      return error.index
    }
    let habits = Habit.all(at: error, in: reader)
    for habit in habits where isSuccess(habit, error, reader) { return accept(habit) }
    guard remaining > 0 else {
      report(error.diagnostic)
      return error.index
    }
    let (edit, isClean) = bestEdit(for: error)
    if let habit = habits.first, !isClean { return accept(habit) }
    report(edit.diagnostic(for: error, reader))
    noteNames(around: edit.isNone ? error.index : edit.range.lowerBound, reader)
    stream = stream.replacing(edit.range, with: edit.items)
    let end = edit.isNone ? error.index : edit.range.lowerBound + edit.items.count - 1
    return isClean ? end : endOfLine(after: max(end, error.index))
  }

  /// Returns whether a literal by itself is wrong, such as a string without an end.
  private func isLiteral(_ error: SyntaxError, _ reader: TokenReader) -> Bool {
    switch reader.kind(error.index) {
    case .unterminated: true
    case .string, .bytes, .int, .uint, .double:
      !error.diagnostic.message.hasPrefix("expected") && !error.diagnostic.message.hasPrefix("unexpected")
        && error.diagnostic.fixes.isEmpty && error.diagnostic.range.upper <= reader.range(error.index).upper
    default: false
    }
  }

  private mutating func accept(_ habit: Habit) -> Int {
    report(habit.diagnostic)
    noteNames(around: habit.tokens.lowerBound, TokenReader(source, stream))
    stream = stream.replacing(habit.tokens, with: habit.replacement)
    return max(habit.tokens.lowerBound + habit.replacement.count - 1, habit.resolvedUpTo ?? -1)
  }

  /// Names on the line of a mistake may have been meant as declarations.
  private mutating func noteNames(around index: Int, _ reader: TokenReader) {
    for position in reader.lineStart(index)...max(reader.lineEnd(index), reader.lineStart(index)) {
      if reader.kind(position) == .identifier { uncertainNames.insert(reader.text(position)) }
    }
  }

  private mutating func isSuccess(_ habit: Habit, _ error: SyntaxError, _ reader: TokenReader) -> Bool {
    let edit = TokenEdit(change: .replace, range: habit.tokens, items: habit.replacement, cost: 0)
    let (distance, _) = trial(
      edit, error, in: reader.window(before: min(error.index, habit.tokens.lowerBound)))
    return distance >= Recovery.success
  }

  /// Errors on the rest of the line are consequences where no edit helps.
  private func endOfLine(after index: Int) -> Int {
    let reader = TokenReader(source, stream)
    var last = min(index, reader.count - 1)
    while last + 1 < reader.count, !reader.isFirstOnLine(last + 1) { last += 1 }
    return last
  }

  // MARK: - Candidates

  private mutating func bestEdit(for error: SyntaxError) -> (TokenEdit, isClean: Bool) {
    let reader = TokenReader(source, stream)
    let window = reader.window(before: error.index)
    var best: (edit: TokenEdit, distance: Int, cost: Int)?
    for edit in TokenEdit.candidates(around: error.index, reader) {
      // Candidates are ordered by cost: nothing that follows a success can be cheaper.
      if let best, best.distance >= Recovery.success, edit.cost >= best.cost { break }
      guard remaining > 0 else { break }
      let (distance, skipped) = trial(edit, error, in: window)
      let cost = edit.cost + 2 * skipped
      if best.map({ isBetter((distance, cost), than: ($0.distance, $0.cost)) }) ?? true {
        best = (edit, distance, cost)
      }
    }
    guard let best else { return (.none(at: error.index), false) }
    return (best.edit, best.distance >= Recovery.success)
  }

  private func isBetter(_ new: (distance: Int, cost: Int), than old: (distance: Int, cost: Int)) -> Bool {
    switch (new.distance >= Recovery.success, old.distance >= Recovery.success) {
    case (true, true): (new.cost, -new.distance) < (old.cost, -old.distance)
    case (true, false): true
    case (false, true): false
    case (false, false): new.distance > old.distance
    }
  }

  /// Parses on after an edit.
  /// - Returns: The number of tokens to the next error, at most the horizon, and how many were skipped.
  private mutating func trial(_ edit: TokenEdit, _ error: SyntaxError, in window: Window) -> (Int, skipped: Int) {
    let edited = stream.replacing(edit.range, with: edit.items)
    let last = edit.isNone ? error.index : edit.range.lowerBound + edit.items.count - 1
    let end = min(last + Recovery.horizon + 2, edited.tokens.count)
    remaining -= end - window.start + window.head.count
    var parser = Parser(source, edited.slice(window, to: end))
    _ = parser.parseFile()
    // The end of the slice is not the end of the file.
    let isCut = end < edited.tokens.count
    let next = parser.syntaxErrors.lazy.map { window.index($0.index) }.first { index in
      index > last && !(isCut && index >= end - 1)
    }
    let skipped = parser.skipped.count { window.index($0) >= edit.range.lowerBound }
    return (next.map { min($0 - last, Recovery.horizon - 1) } ?? Recovery.horizon, skipped)
  }

  // MARK: - Consequences

  /// The declarations that contain a mistake, and the names that are uncertain because of it.
  func brokenParts(_ declarations: [Declaration], _ parser: Parser) -> BrokenParts {
    var broken = BrokenParts()
    broken.names = uncertainNames
    let locations = diagnostics.flatMap { [$0.range.lower] + $0.labels.map(\.range.lower) }
    for declaration in declarations {
      let range = declaration.range
      guard locations.contains(where: { range.lower <= $0 && $0 <= range.upper }) else { continue }
      broken.ranges.append(range)
      broken.names.formUnion(declaration.declaredNames)
      if case .flow = declaration { broken.hasFlow = true }
      if declaration.declaredNames.contains("") { broken.hasUnknownNames = true }
    }
    for index in parser.skipped where stream.tokens[index].kind == .identifier {
      broken.names.insert(source.string(stream.tokens[index].range))
    }
    return broken
  }
}
