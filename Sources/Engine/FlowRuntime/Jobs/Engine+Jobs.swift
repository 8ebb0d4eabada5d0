import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Jobs are rows before they are calls: their creation, look-up and withdrawal.
extension Engine {
  /// The delay after which the engine retries a timer or a result that an instance could not take, in milliseconds.
  static let incidentRetryMilliseconds: Int64 = 300_000
  /// The number of failed attempts that a job's row holds, and the size of the text of each in bytes.
  static let maximumFailures = 20
  static let maximumFailureText = 4096

  /// Writes the job that a step has requested.
  func enqueue(_ job: Job, of cached: Cached, at now: Int64) {
    let machine = cached.version.machine
    let name = machine.name(of: job.target)
    var row = newJob(job.reference, of: cached.row, action: name, due: .at(now))
    row.call = job.call?.position
    row.arguments = job.arguments.json(in: machine.types).bytes()
    if let action = job.action, case .worker(let queue) = machine.program.actions[action].binding { row.queue = queue }
    if let key = job.once {
      row.once = "\(name)/\(key)"
      if joinOnce(&row, job, of: cached) { return }
    }
    write(row)
  }

  func newJob(_ reference: JobReference, of instance: InstanceRow, action: String, due: JobDue) -> JobRow {
    JobRow(
      id: batch.nextJobID(), instance: instance.id, revision: reference.revision, number: reference.number,
      action: action, queue: nil, call: nil, once: nil, due: due, arguments: [])
  }

  func write(_ row: JobRow) { batch.write(row) }

  func remove(_ row: JobRow) {
    batch.removeJob(row.id)
    scheduler.end(row.id)
    throttles.release(row.id)
  }

  /// The row of a job including the changes of the batch; nil when there is none any more.
  func findJob(_ id: Int64) -> JobRow? {
    if batch.writes.jobsRemoved.contains(id) { return nil }
    return batch.writes.jobs[id] ?? read({ () throws(StoreError) in try store.job(id: id) }) ?? nil
  }

  /// The instance of a job. Removes the job when its instance is gone, and postpones it when the instance can't be
  /// read for now; both give nil.
  func loadOwner(of row: JobRow, at now: Int64) -> Cached? {
    do throws(EngineProblem) {
      if let cached = try load(row: row.instance) { return cached }
      remove(row)
    } catch {
      var again = row
      again.due = .at(now + Engine.incidentRetryMilliseconds)
      again.lease = 0
      write(again)
    }
    return nil
  }

  // MARK: - Actions

  func action(of row: JobRow, in machine: Machine) -> Int? {
    machine.program.actions.firstIndex { $0.name == row.action }
  }

  /// The action or the flow of a job.
  func target(of row: JobRow, in machine: Machine) -> Call.Target? {
    action(of: row, in: machine).map { .action($0) } ?? calledFlow(row, in: machine).map { .flow($0) }
  }

  /// The retry policy of a call, or else of its action; an undo is not the call that it undoes.
  func policy(of row: JobRow, in machine: Machine, flow: String) -> Policy {
    if let call = row.call.map({ CallIndex($0) }), let index = machine.flow(named: flow),
      machine.program.flows[index].calls.indices.contains(call),
      machine.program.flows[index].calls[call].target == target(of: row, in: machine)
    {
      return machine.program.flows[index].calls[call].policy
    }
    return action(of: row, in: machine).map { machine.program.actions[$0].policy } ?? Policy()
  }

  // MARK: - Once

  /// Joins work that was started or done for the same key before; the first job with a key only records that.
  /// - Returns: Whether the result is known already, so that no row is needed.
  private func joinOnce(_ row: inout JobRow, _ job: Job, of cached: Cached) -> Bool {
    guard let key = row.once else { return false }
    let known = batch.writes.once[ExactText(key)]
    let first = known ?? read({ () throws(StoreError) in try store.once(key: key) }) ?? nil
    if let first, let json = try? JSON(parsing: first.outcome) {
      let outcome = decode(json, of: job.target, in: cached.version.machine)
      if job.call != nil {
        deliveries.add(
          Deliveries.KnownResult(instance: InstanceID(cached.row), job: job.reference, outcome: outcome))
      }
      return true
    }
    if let first, findJob(first.job) != nil {
      row.due = .onEnd
    } else {
      batch.writes.once[ExactText(key)] = OnceRow(key: key, job: row.id, outcome: [])
    }
    return false
  }

  /// All jobs that wait for a key, except the one that has done the work.
  func waiting(for key: String, except id: Int64) -> [JobRow] {
    let stored = read { () throws(StoreError) in try store.jobs(once: key) } ?? []
    let fresh = batch.writes.jobs.values.filter { $0.once == key }
    let ids = Set(stored.map(\.id)).union(fresh.map(\.id)).subtracting([id])
    return ids.sorted().compactMap { findJob($0) }
  }

  // MARK: - Withdrawal

  /// Withdraws a call whose state was left. Work that is done once continues, and its result is stored.
  func withdraw(_ reference: JobReference, of cached: Cached) {
    guard var row = job(of: reference, instance: cached.row.id) else { return }
    if calledFlow(row, in: cached.version.machine) != nil {
      remove(row)
      cancelChild(row)
    } else if row.once == nil || row.due == .onEnd {
      remove(row)
    } else {
      row.call = nil
      write(row)
    }
  }

  private func job(of reference: JobReference, instance: Int64) -> JobRow? {
    let isMatch = { (row: JobRow) in
      row.call != nil && row.revision == reference.revision && row.number == reference.number
    }
    let fresh = batch.jobs(of: instance).lazy.compactMap { self.batch.writes.jobs[$0] }.first(where: isMatch)
    if let fresh { return fresh }
    let stored = read { () throws(StoreError) in try store.jobs(instance: instance) } ?? []
    return stored.first { isMatch($0) && !batch.changesJob($0.id) }
  }
}
