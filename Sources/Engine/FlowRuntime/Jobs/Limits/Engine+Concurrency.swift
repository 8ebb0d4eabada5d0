import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The limits `at once` of actions.
extension Engine {
  /// The number of waiting jobs that one batch makes due after a start.
  static let wokenPerBatch = 1000

  /// Records the actions of a program that have a limit.
  func restoreSlots(of machine: Machine) {
    for action in machine.program.actions where action.concurrency != nil { slots.add(action.name) }
  }

  /// Takes a slot for an attempt under the limit of its action. A job without one is due when it is its turn.
  /// - Throws: `BindingError` when the expression after `per` fails.
  func takeSlot(_ row: JobRow, of cached: Cached) throws(BindingError) -> Bool {
    guard let (name, limit) = try slot(of: row, in: cached.version) else { return true }
    guard !slots.take(row.id, as: name, limit: limit) else { return true }
    var later = row
    later.due = .onTurn
    write(later)
    return false
  }

  /// Ends the attempt or the wait of a job: those whose turn it is become due.
  func releaseSlot(_ job: Int64) {
    var ended = [job]
    while let job = ended.popLast() {
      for next in slots.release(job) {
        guard var row = findJob(next), row.due == .onTurn else {
          ended.append(next)
          continue
        }
        row.due = .at(world.now())
        write(row)
      }
    }
  }

  private func slot(
    of row: JobRow, in version: Version
  ) throws(BindingError) -> (name: ConcurrencySlots.Name, limit: Int)? {
    let machine = version.machine
    guard let index = action(of: row, in: machine), let limit = machine.program.actions[index].concurrency else {
      return nil
    }
    let action = machine.program.actions[index]
    guard let expression = limit.key else { return (.init(action: action.name, key: ""), limit.count) }
    let arguments = try arguments(of: row, for: action, in: machine)
    let key = try version.stepper.limitKey(expression, of: action, arguments: arguments)
    return (.init(action: action.name, key: key), limit.count)
  }

  // MARK: - Restoration

  /// Counts the running attempts after a start or an abandoned batch, and lets the waiting jobs ask again.
  func restoreSlots() {
    if case .counting = slots.restoration {
      if slots.hasLimits { countRunning() }
      slots.restoration = .waking(after: 0)
    }
    guard case .waking(let after) = slots.restoration else { return }
    let limit = Engine.wokenPerBatch
    let found = read { () throws(StoreError) in try store.waitingJobs(after: after, limit: limit) }
    guard let rows = found else { return }
    for var row in rows where !batch.changesJob(row.id) {
      row.due = .at(world.now())
      write(row)
    }
    slots.restoration = rows.count < limit ? .done : .waking(after: rows[limit - 1].id)
  }

  private func countRunning() {
    let leased = read { () throws(StoreError) in try store.expiredLeases(at: .max, limit: .max) } ?? []
    for row in leased + scheduler.running.compactMap({ findJob($0) }) where slots.isLimited(row.action) {
      guard let cached = loadOwner(of: row, at: world.now()),
        let (name, limit) = (try? slot(of: row, in: cached.version)) ?? nil
      else { continue }
      slots.count(row.id, as: name, limit: limit)
    }
  }
}
