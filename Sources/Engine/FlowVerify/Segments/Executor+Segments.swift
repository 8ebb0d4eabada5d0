import CEL
import FlowIR

// Steps with many ways: they are followed in segments, from one situation to the next.
extension Executor {
  /// The number of ways, and of microsteps of all ways, up to which a step is followed as a whole.
  static let maximumWholePaths = 512
  static let maximumWholeMicrosteps = 6000
  /// The number of microsteps of one way up to which a step is followed as a whole.
  static let maximumWholeLength = 150
  /// The number of situations within one step that are followed.
  static let maximumSituations = 20_000

  /// Visits every way in which a step may go.
  func execute(_ input: AbstractInput, from state: ArraySlice<Int32>, _ visit: (PathResult) -> Void) {
    firing = if case .timer(let timer) = input { timer } else { nil }
    if !segmentedInputs.contains(input) {
      if let whole = wholePaths(input, from: state) {
        for result in whole { visit(result) }
        return
      }
      if isTimeUp { return }
      segmentedInputs.insert(input)
    }
    isSegmented = true
    defer { isSegmented = false }
    for result in segmentedPaths(input, from: state) { visit(result) }
  }

  /// All ways through a step; nil when there are too many, or they are too long.
  private func wholePaths(_ input: AbstractInput, from state: ArraySlice<Int32>) -> [PathResult]? {
    var found: [PathResult] = []
    return visitWholePaths(input, from: state) { found.append($0) } ? found : nil
  }

  /// Visits every way through a step while its terms are there.
  /// - Returns: False when there are too many, or they are too long.
  func visitWholePaths(
    _ input: AbstractInput, from state: ArraySlice<Int32>, _ visit: (PathResult) -> Void
  ) -> Bool {
    var paths = 0
    let first = allMicrosteps
    wantsSegments = false
    trail.removeAll(keepingCapacity: true)
    repeat {
      paths += 1
      if paths > Executor.maximumWholePaths || allMicrosteps - first > Executor.maximumWholeMicrosteps { return false }
      if case .result(let result)? = path(input, from: state) { visit(result) }
      if wantsSegments { return false }
    } while !isTimeUp && advanceTrail()
    return !isTimeUp
  }

  // MARK: - Segments

  /// The ways through a step in segments.
  private struct Search {
    var table = SegmentTable()
    /// The results, each with the situation before its last segment.
    var results: [(source: Int?, result: PathResult)] = []
    var mistakes: [AbstractRefusal] = []
    var taken: Set<Int> = []
    /// The number of situations that were followed.
    var followed = 0
  }

  private func segmentedPaths(_ input: AbstractInput, from state: ArraySlice<Int32>) -> [PathResult] {
    var search = Search()
    follow(from: nil, &search) { self.path(input, from: state) }
    explore(&search, of: input, from: state)
    // A step without end fails like any other mistake.
    if let endless = search.table.situationWithoutEnd(
      isRecovery: false, maximumMicrosteps: Executor.maximumMicrosteps)
    {
      if input.isAnswered {
        undecided.removeAll()
        search.results.append((endless, refused(.endless, state)))
      } else {
        note(.endless, &search)
      }
    }
    var recovered = 0
    while recovered < search.mistakes.count, limitation == nil {
      let mistake = search.mistakes[recovered]
      recovered += 1
      follow(from: nil, &search) { self.recovery(from: mistake, input, state) }
      explore(&search, of: input, from: state)
    }
    if let endless = search.table.situationWithoutEnd(
      isRecovery: true, maximumMicrosteps: Executor.maximumMicrosteps),
      let mistake = search.table.situations[endless].recovered
    {
      search.results.append((nil, incident(mistake, of: input, from: state)))
    }
    return finished(search)
  }

  /// Follows the situations that were not followed yet.
  private func explore(
    _ search: inout Search, of input: AbstractInput, from state: ArraySlice<Int32>
  ) {
    while search.followed < search.table.situations.count, limitation == nil {
      if search.table.situations.count > Executor.maximumSituations {
        limitation = "more than \(Executor.maximumSituations) situations within one step"
        break
      }
      let position = search.followed
      search.followed += 1
      let situation = search.table.situations[position]
      var mistakes: [AbstractRefusal] = []
      follow(from: position, &search) { self.path(situation, of: input, from: state, mistakes: &mistakes) }
      for mistake in mistakes { note(mistake, &search) }
    }
  }

  private func note(_ mistake: AbstractRefusal, _ search: inout Search) {
    if !search.mistakes.contains(mistake) { search.mistakes.append(mistake) }
  }

  /// Follows all ways of one segment.
  private func follow(from source: Int?, _ search: inout Search, _ path: () -> PathEnd?) {
    trail.removeAll(keepingCapacity: true)
    var paths = 0
    repeat {
      paths += 1
      if paths > Executor.maximumPaths {
        limitation = limitation ?? "more than \(Executor.maximumPaths) ways through one step"
        return
      }
      switch path() {
      case .result(let result): search.results.append((source, result))
      case .paused(let situation):
        search.taken.formUnion(taken)
        let known = source.map { search.table.undecided[$0] } ?? []
        let target = search.table.insert(situation, undecided: known + undecided.filter { !known.contains($0) })
        search.table.add(
          SegmentTable.Segment(
            source: source, target: target, isCertain: isCertain, microsteps: segmentSteps,
            inputs: recordsInputs && source == nil ? [inputSet()] : [], changes: pausedChanges))
      case nil: break
      }
    } while !isTimeUp && limitation == nil && advanceTrail()
  }

  /// One way from a situation on. A mistake in it is one of the whole step.
  private func path(
    _ situation: StepSituation, of input: AbstractInput, from state: ArraySlice<Int32>,
    mistakes: inout [AbstractRefusal]
  ) -> PathEnd? {
    do throws(PathStop) {
      try prepare(situation)
      try resume(situation.phase)
      return isRefuted() ? nil : .result(result(.applied))
    } catch {
      if isRefuted() { return nil }
      switch error {
      case .paused(let phase): return paused(in: phase)
      case .refused(let refusal):
        if let mistake = situation.recovered { return .result(incident(mistake, of: input, from: state)) }
        if input.isAnswered { return .result(refused(refusal, state)) }
        mistakes.append(refusal)
        return nil
      case .infeasible, .givenUp: return nil
      }
    }
  }

  /// One way in which `on error` reacts to a mistake within the step.
  private func recovery(
    from refusal: AbstractRefusal, _ input: AbstractInput, _ state: ArraySlice<Int32>
  ) -> PathEnd? {
    do throws(PathStop) {
      try prepare(state)
    } catch {
      return nil
    }
    isCertain = false
    return recover(from: refusal, input, state)
  }

  /// The end of a path that has paused.
  func paused(in phase: StepSituation.Phase) -> PathEnd {
    pausedChanges = changes()
    return .paused(situation(in: phase))
  }

  private func finished(_ search: Search) -> [PathResult] {
    let certainty = search.table.certainty()
    let inputs = recordsInputs ? search.table.inputs() : []
    return search.results.map { source, result in
      var result = result
      result.taken += search.taken
      guard let source else {
        if recordsInputs, result.inputs.isEmpty { result.inputs = Array(Set(inputs.joined())) }
        return result
      }
      result.isCertain = result.isCertain && certainty[source]
      result.undecided = search.table.undecided[source] + result.undecided
      if recordsInputs { result.inputs = inputs[source] }
      return result
    }
  }

  // MARK: - Changes

  /// The changes of numbers and sizes since the beginning of the segment.
  private func changes() -> [Int: SegmentTable.Change] {
    var found: [Int: SegmentTable.Change] = [:]
    for leaf in layout.leafTypes.indices {
      let term = environment[leaf]
      switch terms[term].kind {
      case .int, .uint, .length, .sized: break
      default: continue
      }
      guard let difference = difference(term, from: leaf), let after = set(of: term).numberBounds else { continue }
      found[leaf] = SegmentTable.Change(difference: difference, after: after)
    }
    return found
  }

  /// The bounds of a value, or of a size, minus the one that a part of the data had before.
  private func difference(_ index: TermIndex, from leaf: Int) -> ClosedRange<Int128>? {
    let term = terms[index]
    switch term.operation {
    case .symbol(let number): return number == leaf ? 0...0 : nil
    case .size: return difference(term.arguments[0], from: leaf)
    case .arithmetic(.add), .joined:
      let (one, two) = (term.arguments[0], term.arguments[1])
      return sum(of: one, and: two, from: leaf) ?? sum(of: two, and: one, from: leaf)
    case .arithmetic(.subtract):
      guard let base = difference(term.arguments[0], from: leaf), let taken = set(of: term.arguments[1]).numberBounds
      else { return nil }
      return bounds(base.lowerBound, minus: taken.upperBound, base.upperBound, minus: taken.lowerBound)
    case .opaque(let node):
      // The last argument of a slice is its size.
      guard graph[node].operation == .slice, let size = term.arguments.last else { return nil }
      return difference(size, from: leaf)
    default: return nil
    }
  }

  private func sum(of one: TermIndex, and two: TermIndex, from leaf: Int) -> ClosedRange<Int128>? {
    guard let base = difference(one, from: leaf), let added = set(of: two).numberBounds else { return nil }
    return bounds(base.lowerBound, minus: -added.lowerBound, base.upperBound, minus: -added.upperBound)
  }

  private func bounds(
    _ low: Int128, minus lowChange: Int128, _ high: Int128, minus highChange: Int128
  ) -> ClosedRange<Int128>? {
    let (bottom, isLow) = low.subtractingReportingOverflow(lowChange)
    let (top, isHigh) = high.subtractingReportingOverflow(highChange)
    return isLow || isHigh || bottom > top ? nil : bottom...top
  }
}
