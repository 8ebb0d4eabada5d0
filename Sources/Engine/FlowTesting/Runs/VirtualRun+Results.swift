public import FlowMachine

// Calls that are answered without anybody asking.
extension VirtualRun {
  /// A call that was ended by itself.
  public struct Answered {
    public var job: Job
    public var outcome: CallOutcome
    public var happening: RunEvent
  }

  /// How many answers may follow one input.
  public static let maximumAnswers = 10_000

  /// Ends the oldest awaited job that there is an answer for; nil when there is none.
  public mutating func answerOne(_ answer: (Job) -> CallOutcome?) -> Answered? {
    if let known = endKnown() { return Answered(job: known.job, outcome: known.outcome, happening: known.event) }
    for work in outstanding where work.isAwaited {
      guard let outcome = answer(work.job) else { continue }
      return end(where: { $0.reference == work.job.reference }, outcome).map {
        Answered(job: work.job, outcome: outcome, happening: $0)
      }
    }
    return nil
  }

  /// Ends all awaited jobs that there are answers for, also those that the answers lead to.
  public mutating func answerAll(_ answer: (Job) -> CallOutcome?) -> [Answered] {
    var all: [Answered] = []
    while all.count < VirtualRun.maximumAnswers, let one = answerOne(answer) { all.append(one) }
    return all
  }
}
