import FlowIR
import FlowMachine
import FlowSource

extension Engine {
  /// How many timers one batch fires.
  static let timersPerBatch = 1000

  /// Fires the timers that are due, earliest first. What comes of it holds once ``commit()`` has returned.
  public func fireTimers() {
    let now = world.now()
    guard let due = nextTimer, due <= now else { return }
    let rows = (try? store.dueTimers(at: now, limit: Engine.timersPerBatch)) ?? []
    for row in rows where !batch.timersCleared.contains(row) { fire(row, now) }
    settle()
    if rows.count == Engine.timersPerBatch { return }
    nextTimer = [try? store.nextTimer(after: now), batch.timersSet.map(\.due).min()].compactMap { $0 }.min()
  }

  private func fire(_ row: TimerRow, _ now: Int64) {
    guard let cached = try? load(row: row.instance) else {
      batch.timersCleared.append(row)
      return
    }
    let input = Input.timer(transition: row.transition, armed: row.armed)
    switch cached.version.stepper.step(cached.instance, input, now: now) {
    case .accepted(let step) where step.disposition == .stale: batch.timersCleared.append(row)
    case .accepted(let step): record(step, of: cached, cause: cause(row, cached), at: now)
    case .refused(let refusal):
      note(refusal, cached)
      batch.timersCleared.append(row)
      var again = row
      again.due = now + Engine.incidentRetryMilliseconds
      batch.timersSet.append(again)
    }
  }

  private func cause(_ row: TimerRow, _ cached: Cached) -> JSON {
    let flow = cached.version.machine.program.flows[cached.instance.flow]
    let place = flow.transitions[row.transition].place
    return .object([.init("timer", ["at": .string("\(place)"), "due": .string(timeText(row.due))])])
  }
}
