public import FlowMachine

// Calls with automatic outcomes.
extension VirtualRun {
  /// A call with an automatic outcome.
  public struct Answered {
    public var job: Job
    public var outcome: CallOutcome
    public var runEvent: RunEvent
  }

  /// The maximum number of automatic outcomes after one input.
  public static let maximumAnswers = 10_000

  /// Ends the first awaited job for which `answer` returns an outcome, by priority; nil when there is no such job.
  private mutating func answerOne(_ answer: (Job) -> CallOutcome?) -> Answered? {
    if let known = endKnown() { return Answered(job: known.job, outcome: known.outcome, runEvent: known.event) }
    let waiting = outstanding.filter(\.isAwaited).enumerated().sorted {
      ($1.element.job.priority, $0.offset) < ($0.element.job.priority, $1.offset)
    }
    for (_, work) in waiting {
      guard let outcome = answer(work.job) else { continue }
      return end(where: { $0.reference == work.job.reference }, outcome).map {
        Answered(job: work.job, outcome: outcome, runEvent: $0)
      }
    }
    return nil
  }

  /// Ends all awaited jobs for which `answer` returns outcomes, including those that result from them.
  public mutating func answerAll(_ answer: (Job) -> CallOutcome?) -> [Answered] {
    var all: [Answered] = []
    while all.count < VirtualRun.maximumAnswers, let one = answerOne(answer) { all.append(one) }
    return all
  }
}
