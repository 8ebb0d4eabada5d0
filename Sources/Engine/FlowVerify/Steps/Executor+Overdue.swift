// Timers that are due as soon as they are armed: `at` an instant that is not later than the present one.
//
// The interpreter ends a chain of such timers, each armed by the firing of the one before, as reactions without end.
// Timers with a duration and schedules are always due later.
extension Executor {
  /// The timers that may set each other off without end.
  var endlessTimers: Set<Int> {
    Set(
      overdueTimers.keys.filter { timer in
        var seen: Set<Int> = []
        var open = Array(overdueTimers[timer] ?? [])
        while let next = open.popLast() {
          if next == timer { return true }
          if seen.insert(next).inserted { open += overdueTimers[next] ?? [] }
        }
        return false
      })
  }

  /// Records that the firing of a timer arms another one which may be due at once.
  func noteOverdue(_ timer: Int, at instant: TermOperand) {
    guard let firing, !(overdueTimers[firing]?.contains(timer) ?? false), mayBeOver(instant) else { return }
    overdueTimers[firing, default: []].insert(timer)
  }

  /// False for an instant that is certainly later than the present one.
  private func mayBeOver(_ instant: TermOperand) -> Bool {
    guard case .scalar(let index) = instant else { return true }
    let present = currentTime()
    let term = terms[index]
    if term.operation == .arithmetic(.add), let first = term.arguments.first, first == present,
      let length = term.arguments.last, let bounds = set(of: length).numberBounds
    {
      return bounds.lowerBound <= 0
    }
    guard let due = set(of: index).numberBounds, let now = set(of: present).numberBounds else { return true }
    return due.lowerBound <= now.upperBound
  }
}
