import FlowIR
import FlowJSON
import FlowMachine

extension Engine {
  /// The number of timers that one batch fires.
  static let timersPerBatch = 1000

  /// Fires the timers that are due, earliest first. The outcome is final once ``commit()`` has returned.
  public func fireTimers() {
    let now = world.now()
    guard let due = nextTimer, due <= now else { return }
    let rows = read { () throws(StoreError) in try store.dueTimers(at: now, limit: Engine.timersPerBatch) } ?? []
    // The batch may have cleared some of them, or armed them again.
    for row in rows where batch.writes.timers.index(forKey: row.id) == nil { fire(row, at: now) }
    deliverPending()
    guard rows.count < Engine.timersPerBatch else { return }
    let later: Int64? = read { () throws(StoreError) in try store.nextTimer(after: now) } ?? nil
    nextTimer = ([later] + batch.writes.timers.values).compactMap { $0 }.min()
  }

  private func fire(_ row: TimerRow, at now: Int64) {
    do throws(EngineProblem) {
      guard let cached = try load(row: row.id.instance) else {
        batch.writes.timers[row.id] = .some(nil)
        return
      }
      fire(row, of: cached, at: now)
    } catch {
      // A later version of the program may be able to read the instance.
      postpone(row, at: now)
    }
  }

  private func fire(_ row: TimerRow, of cached: Cached, at now: Int64) {
    guard cached.row.status != .suspended else { return arm(row.id, due: TimerRow.suspended) }
    let input = Input.timer(transition: row.id.transition, armed: row.id.armed)
    switch cached.version.stepper.step(cached.instance, input, now: now) {
    case .accepted(let step) where step.disposition == .stale: batch.writes.timers[row.id] = .some(nil)
    case .accepted(let step): record(step, of: cached, cause: .other(cause(row, of: cached)), at: now)
    case .refused(let refusal):
      recordIncident(refusal, of: cached)
      postpone(row, at: now)
    }
  }

  private func postpone(_ row: TimerRow, at now: Int64) { arm(row.id, due: now + Engine.incidentRetryMilliseconds) }

  func arm(_ timer: TimerID, due: Int64) {
    batch.writes.timers[timer] = due
    nextTimer = min(nextTimer ?? .max, due)
  }

  private func cause(_ row: TimerRow, of cached: Cached) -> JSON {
    let flow = cached.version.machine.program.flows[cached.instance.flow]
    let location = flow.transitions[row.id.transition].location
    return [
      "timer": [
        "at": .string("\(location)"), "due": .string(timeText(row.due)), "transition": .int(Int64(row.id.transition)),
        "armed": .int(Int64(row.id.armed)),
      ]
    ]
  }
}
