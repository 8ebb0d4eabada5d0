import CEL
public import FlowIR

/// A call over a list that is not complete. Its items start in the order of the list.
struct FanOut: Hashable, Sendable {
  struct Item: Hashable, Sendable {
    enum Outcome: Hashable, Sendable {
      case done(Value)
      /// A reaction has handled its failure.
      case failed
    }

    var value: Value
    /// The arguments of its job; empty once it has started.
    var arguments: [Value]
    var once: String?
    var priority: Int64 = 0
    /// Nil until it has started.
    var job: JobReference?
    var outcome: Outcome?
  }

  let call: CallIndex
  private(set) var items: PersistentVector<Item>
  /// The number of items that have started, or start at the end of the step.
  private(set) var begun: Int
  /// The number of items with an outcome.
  private(set) var finished: Int

  init(call: CallIndex, items: [Item], begun: Int = 0) {
    self.call = call
    self.items = PersistentVector(items)
    self.begun = begun
    finished = items.count { $0.outcome != nil }
  }

  var isComplete: Bool { finished == items.count }

  /// The items that are started and have no outcome.
  var pending: [Int] { (0..<begun).filter { items[$0].job != nil && items[$0].outcome == nil } }

  /// The results in the order of the list.
  /// - Parameter areOptional: True if the results have an optional type, so that those of failed items are absent.
  func results(areOptional: Bool) -> [Value] {
    items.elements.map { item in
      guard case .done(let value)? = item.outcome else { return areOptional ? .optional(nil) : .null }
      return areOptional ? value.asOptional : value
    }
  }

  /// The pending item of a job; nil when no item waits for it. Later items have later jobs.
  func item(of job: JobReference) -> Int? {
    var (low, high) = (0, begun)
    while low < high {
      let middle = (low + high) / 2
      if let other = items[middle].job, other < job { low = middle + 1 } else { high = middle }
    }
    guard low < begun, items[low].job == job, items[low].outcome == nil else { return nil }
    return low
  }

  // MARK: - Changes

  /// Takes the next item that has not started.
  mutating func beginNext() -> (index: Int, item: Item)? {
    guard begun < items.count else { return nil }
    defer { begun += 1 }
    return (begun, items[begun])
  }

  mutating func start(_ index: Int, as job: JobReference) {
    items[index].job = job
    items[index].arguments = []
    items[index].priority = 0
  }

  mutating func finish(_ index: Int, _ outcome: Item.Outcome) {
    items[index].outcome = outcome
    finished += 1
  }
}

extension Value {
  /// The value in an optional, unless it is one.
  var asOptional: Value { if case .optional = self { self } else { .optional(self) } }
}

extension JobReference: Comparable {
  /// The order in which jobs are requested.
  public static func < (a: JobReference, b: JobReference) -> Bool { (a.revision, a.number) < (b.revision, b.number) }
}

extension Instance {
  /// The call that waits for a job; nil when none does.
  public func pendingCall(of job: JobReference) -> CallIndex? {
    if let pending = calls.first(where: { $0.job == job }) { return pending.call }
    return extended.fanOuts.first { $0.item(of: job) != nil }?.call
  }

  /// The calls that wait for a result.
  public var pendingCalls: Set<CallIndex> { Set(calls.map(\.call) + extended.fanOuts.map(\.call)) }
}
