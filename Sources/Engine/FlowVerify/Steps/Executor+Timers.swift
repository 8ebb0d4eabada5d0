import CEL
import FlowIR

// Timers: whether each is armed, and which of two is certainly due first.
extension Executor {
  func isArmed(_ timer: Int) -> Bool { cells[layout.armed + timer / 32] & (1 << Int32(timer % 32)) != 0 }

  /// The timers that are armed in a state.
  func armed(in state: ArraySlice<Int32>) -> [Int] {
    cells = Array(state)
    return (0..<layout.timerCount).filter { isArmed($0) }
  }

  private func setArmed(_ timer: Int, _ value: Bool) {
    if value { armedInStep |= 1 << UInt64(timer % 64) }
    let mask = Int32(bitPattern: 1 << UInt32(timer % 32))
    if value { cells[layout.armed + timer / 32] |= mask } else { cells[layout.armed + timer / 32] &= ~mask }
  }

  /// True if the order of timers is followed.
  private var hasOrder: Bool { layout.timerCount <= 32 }

  func arm(_ timer: Int) throws(PathStop) {
    let row = model.transitions[model.timers[timer]]
    if row.timer == .cron {
      guard try hasNext(row) else { return }
    } else if let due = row.due {
      let length = try evaluate(due, at: row.location)
      if row.timer == .at { noteOverdue(timer, at: length) }
      if row.timer != .at, case .scalar(let term) = length {
        let bounds = set(of: term).numberBounds
        if bounds.map({ $0.upperBound <= 0 }) ?? false { throw .refused(.failed(row.location, due)) }
        if bounds.map({ $0.lowerBound <= 0 }) ?? true {
          undecided.append(due)
          if choose(2, isFree: false) == 1 { throw .refused(.failed(row.location, due)) }
        }
      }
    }
    setArmed(timer, true)
    noteOrder(of: timer, row)
  }

  /// True if a schedule has another instant. Its time zone may be unknown.
  private func hasNext(_ row: TransitionModel) throws(PathStop) -> Bool {
    if let zone = row.due {
      let value = try evaluate(zone, at: row.location)
      if case .scalar(let term) = value, !set(of: term).isSingle, choose(2, isFree: false) == 1 {
        throw .refused(.failed(row.location, zone))
      }
    }
    return true
  }

  /// A timer of known length is due after those that are armed and shorter.
  private func noteOrder(of timer: Int, _ row: TransitionModel) {
    guard hasOrder else { return }
    forgetOrder(of: timer)
    if let length = row.length {
      for other in 0..<layout.timerCount where other != timer && isArmed(other) {
        guard let otherLength = model.transitions[model.timers[other]].length else { continue }
        if otherLength < length { cells[layout.earlier + timer] |= 1 << Int32(other) }
        if length < otherLength, armedNow & (1 << UInt32(other)) != 0 {
          cells[layout.earlier + other] |= 1 << Int32(timer)
        }
      }
    }
    armedNow |= 1 << UInt32(timer)
  }

  private func forgetOrder(of timer: Int) {
    guard hasOrder else { return }
    cells[layout.earlier + timer] = 0
    for other in 0..<layout.timerCount { cells[layout.earlier + other] &= ~(1 << Int32(timer)) }
    armedNow &= ~(1 << UInt32(timer))
  }

  func disarm(_ timer: Int) {
    guard isArmed(timer) else { return }
    setArmed(timer, false)
    forgetOrder(of: timer)
  }

  /// Removes a timer that fires, and arms one that repeats again. It is then due within its period.
  func rearm(_ timer: Int) throws(PathStop) {
    let row = model.transitions[model.timers[timer]]
    disarm(timer)
    switch row.timer {
    case .every: setArmed(timer, true)
    case .cron: try arm(timer)
    default: break
    }
  }
}
