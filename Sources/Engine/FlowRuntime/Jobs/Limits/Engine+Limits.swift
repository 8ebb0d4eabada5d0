import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The limits of actions: `at once` and over time. A job that waits for one is due when it is its turn, which is decided
// at that instant.
extension Engine {
  /// The number of waiting jobs that one batch reads, and that it makes due.
  static let waitingPerBatch = 1000

  /// Records the actions of a program that have a limit.
  func restoreSlots(of machine: Machine) {
    for action in machine.program.actions where action.concurrency != nil {
      if slots.add(action.name) { limitRestoration = .counting }
    }
  }

  /// Takes a slot for an attempt under the limit of its action. A job without one is due when it is its turn.
  /// - Throws: `BindingError` when the expression after `per` fails.
  func takeSlot(_ row: JobRow, of cached: Cached) throws(BindingError) -> Bool {
    guard let (name, limit) = try slot(of: row, in: cached.version) else { return true }
    guard !slots.take(row, as: name, limit: limit, limitRestoration.order) else { return true }
    wait(row)
    return false
  }

  /// Lets a job wait for its turn.
  func wait(_ row: JobRow) {
    var later = row
    later.due = .onTurn
    write(later)
  }

  /// Ends the attempt or the wait of a job: those whose turn it is become due.
  func releaseSlot(_ job: Int64) { grant(slots.release(job)) }

  /// Makes jobs due whose turn it is. What no longer waits leaves its turn to the next.
  private func grant(_ jobs: [Int64]) {
    let now = world.now()
    var ready = jobs[...]
    while let job = ready.popFirst() {
      guard var row = findJob(job), row.due == .onTurn || row.due <= .at(now) else {
        throttles.release(job)
        ready += slots.release(job)
        continue
      }
      // One that left its turn to a higher priority is still due.
      guard row.due == .onTurn else { continue }
      row.due = .at(now)
      write(row)
      grantedJobs?.append(job)
    }
  }

  /// Makes the jobs due whose turn it is under a limit over time.
  func grantTurns() {
    guard limitRestoration.isDone else { return }
    grant(throttles.dueJobs(at: world.now(), limit: Engine.waitingPerBatch))
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

  /// Counts the running attempts after a start or an abandoned batch, and queues the waiting jobs.
  func restoreLimits() {
    if case .counting = limitRestoration {
      if slots.hasLimits { countRunning() }
      limitRestoration = .reading(after: 0)
    }
    guard case .reading(let after) = limitRestoration else { return }
    let limit = Engine.waitingPerBatch
    let found = read { () throws(StoreError) in try store.waitingJobs(after: after, limit: limit) }
    guard let rows = found else { return }
    for row in rows where !batch.changesJob(row.id) { queue(row) }
    guard rows.count < limit else {
      limitRestoration = .reading(after: rows[limit - 1].id)
      return
    }
    limitRestoration = .opening
  }

  /// Gives the slots that no due job has taken to those that wait.
  func openLimits() {
    guard case .opening = limitRestoration else { return }
    limitRestoration = .done
    grant(slots.grantAll())
    grantTurns()
  }

  /// Queues a stored job that waits. One without a limit, as after a deployment, is due.
  private func queue(_ row: JobRow) {
    guard let cached = loadOwner(of: row, at: world.now()) else { return }
    do throws(BindingError) {
      if let (name, limit) = try slot(of: row, in: cached.version) {
        return slots.wait(row, as: name, limit: limit)
      }
      if let (name, limit) = try throttle(of: row, in: cached) {
        return throttles.wait(row, for: name, limit: limit, at: world.now())
      }
    } catch {
      // The attempt fails with this error.
    }
    var due = row
    due.due = .at(world.now())
    write(due)
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
