/// A chart with inputs for which the model and the interpreter disagree.
struct Finding: CustomStringConvertible {
  /// The maximum number of smaller candidates.
  static let maximumTries = 2000

  var chart: Chart
  var inputs: [ChartInput]
  var mistake: Model.Mistake?
  var difference: DifferentialTest.Difference

  var description: String { "\(difference)\n\(inputs)\n\(chart.text)" }

  /// - Returns: Nil if they agree, or if the compiler rejects the chart.
  init?(_ chart: Chart, _ inputs: [ChartInput], _ mistake: Model.Mistake? = nil, patience: Int = 1000) {
    do {
      guard var comparison = try DifferentialTest(chart, mistake: mistake) else { return nil }
      try comparison.run(inputs, patience: patience)
      return nil
    } catch let difference as DifferentialTest.Difference {
      self.chart = chart
      self.inputs = inputs
      self.mistake = mistake
      self.difference = difference
    } catch {
      return nil
    }
  }

  /// The smallest chart and inputs with the same disagreement that were found.
  var smallest: Finding {
    var best = self
    var tries = 0
    while tries < Finding.maximumTries {
      let smaller = best.candidates.lazy.compactMap { candidate -> Finding? in
        tries += 1
        return tries < Finding.maximumTries ? Finding(candidate.chart, candidate.inputs, mistake) : nil
      }
      guard let found = smaller.first else { break }
      best = found
    }
    return best
  }

  private var candidates: [(chart: Chart, inputs: [ChartInput])] {
    let fewer = inputs.indices.map { left in inputs.enumerated().filter { $0.offset != left }.map(\.element) }
    var charts = chart.root.simpler.map { root in
      var chart = chart
      chart.root = root
      return chart
    }
    if !chart.startActs.isEmpty || chart.bound != nil {
      var plain = chart
      plain.startActs = []
      plain.bound = nil
      charts.append(plain)
    }
    return fewer.reversed().map { (chart, $0) } + charts.map { ($0, inputs) }
  }
}

extension Node {
  /// All variants of the node with one member removed.
  fileprivate var simpler: [Node] {
    var found: [Node] = []
    for index in children.indices where !children[index].isInitial {
      found.append(changed { $0.children.remove(at: index) })
    }
    for index in reactions.indices { found.append(changed { $0.reactions.remove(at: index) }) }
    if !entry.isEmpty { found.append(changed { $0.entry = [] }) }
    if !exit.isEmpty { found.append(changed { $0.exit = [] }) }
    if !(ignored + deferred).isEmpty {
      found.append(changed { $0.ignored = [] })
      found.append(changed { $0.deferred = [] })
    }
    for index in reactions.indices where !reactions[index].statements.isEmpty {
      found.append(changed { $0.reactions[index].statements = [] })
    }
    for index in children.indices {
      found += children[index].simpler.map { child in changed { $0.children[index] = child } }
    }
    return found
  }

  private func changed(_ change: (inout Node) -> Void) -> Node {
    var copy = self
    change(&copy)
    return copy
  }
}
