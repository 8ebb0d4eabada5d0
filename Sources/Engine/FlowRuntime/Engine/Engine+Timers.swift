import FlowIR
import FlowJSON
import FlowMachine

extension Engine {
  /// How many timers one batch fires.
  static let timersPerBatch = 1000

  /// Fires the timers that are due, earliest first. What comes of it holds once ``commit()`` has returned.
  public func fireTimers() {
    let now = world.now()
    guard let due = nextTimer, due <= now else { return }
    let rows = read { () throws(StoreError) in try store.dueTimers(at: now, limit: Engine.timersPerBatch) } ?? []
    // The batch may have cleared some of them, or set them anew.
    for row in rows where batch.timers.index(forKey: row.id) == nil { fire(row, now) }
    settle()
    guard rows.count < Engine.timersPerBatch else { return }
    let later: Int64? = read { () throws(StoreError) in try store.nextTimer(after: now) } ?? nil
    nextTimer = ([later] + batch.timers.values).compactMap { $0 }.min()
  }

  private func fire(_ row: TimerRow, _ now: Int64) {
    do throws(EngineProblem) {
      guard let cached = try load(row: row.id.instance) else {
        batch.timers[row.id] = .some(nil)
        return
      }
      fire(row, cached, now)
    } catch {
      // An instance that can't be read now may be readable to a later version of the program.
      put(off: row, now)
    }
  }

  private func fire(_ row: TimerRow, _ cached: Cached, _ now: Int64) {
    guard cached.row.status != InstanceRow.suspended else { return arm(row.id, due: Engine.parked) }
    let input = Input.timer(transition: row.id.transition, armed: row.id.armed)
    switch cached.version.stepper.step(cached.instance, input, now: now) {
    case .accepted(let step) where step.disposition == .stale: batch.timers[row.id] = .some(nil)
    case .accepted(let step): record(step, of: cached, cause: .other(cause(row, cached)), at: now)
    case .refused(let refusal):
      note(refusal, cached)
      put(off: row, now)
    }
  }

  private func put(off row: TimerRow, _ now: Int64) { arm(row.id, due: now + Engine.incidentRetryMilliseconds) }

  func arm(_ timer: TimerID, due: Int64) {
    batch.timers[timer] = due
    nextTimer = min(nextTimer ?? .max, due)
  }

  private func cause(_ row: TimerRow, _ cached: Cached) -> JSON {
    let flow = cached.version.machine.program.flows[cached.instance.flow]
    let place = flow.transitions[row.id.transition].place
    return [
      "timer": [
        "at": .string("\(place)"), "due": .string(timeText(row.due)), "transition": .int(Int64(row.id.transition)),
        "armed": .int(Int64(row.id.armed)),
      ]
    ]
  }
}
