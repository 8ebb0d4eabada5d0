import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Jobs are rows before they are requests: their creation, look-up and withdrawal.
extension Engine {
  /// The delay after which the engine retries a timer or a result that failed as an incident, in milliseconds.
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
    row.priority = job.priority
    row.arguments = job.arguments.json(in: machine.types).bytes()
    if let action = job.action, case .worker(let queue) = machine.program.actions[action].binding { row.queue = queue }
    if let key = job.once {
      row.once = "\(name)/\(key)"
      if joinOnce(&row, job, of: cached) { return }
    }
    write(row)
  }

  func newJob(_ reference: JobReference, of instance: InstanceRow, action: String, due: JobDue) -> JobRow {
    let id = batch.nextJobID()
    return JobRow(
      id: id, instance: instance.id, revision: reference.revision, number: reference.number, action: action,
      queue: nil, call: nil, once: nil, due: due, origin: id, epoch: batch.counters.epoch, arguments: [])
  }

  func write(_ row: JobRow) { batch.write(row) }

  func remove(_ row: JobRow) {
    batch.removeJob(row.id)
    scheduler.end(row.id)
    throttles.release(row.id)
    releaseSlot(row.id)
  }

  /// The row of a job including the changes of the batch; nil when it does not exist.
  func findJob(_ id: Int64) -> JobRow? {
    if batch.writes.jobsRemoved.contains(id) { return nil }
    return batch.writes.jobs[id] ?? read({ () throws(StoreError) in try store.job(id: id) }) ?? nil
  }

  /// The instance of a job. Removes the job when its instance is gone, and postpones it when the instance is
  /// temporarily unreadable; both return nil.
  func loadOwner(of row: JobRow, at now: Int64) -> Cached? {
    do throws(EngineProblem) {
      if let cached = try load(row: row.instance) { return cached }
      remove(row)
      passOnOnce(of: row)
    } catch {
      var again = row
      again.due = .at(now + Engine.incidentRetryMilliseconds)
      again.lease = 0
      write(again)
      releaseSlot(row.id)
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

  /// The retry policy of a call, or else of its action. An undo has a policy of its own.
  func policy(of row: JobRow, in machine: Machine, flow: String) -> Policy {
    if let call = row.call.map({ CallIndex($0) }), let index = machine.flow(named: flow),
      machine.program.flows[index].calls.indices.contains(call),
      machine.program.flows[index].calls[call].target == target(of: row, in: machine)
    {
      return machine.program.flows[index].calls[call].policy
    }
    return action(of: row, in: machine).map { machine.program.actions[$0].policy } ?? Policy()
  }

  // MARK: - Withdrawal

  /// Withdraws a call whose state was left. Work with a `once` key continues, and its result is stored.
  func withdraw(_ old: JobRow, of cached: Cached) {
    var row = old
    if calledFlow(row, in: cached.version.machine) != nil {
      remove(row)
      passOnOnce(of: row)
      cancelChild(row, in: cached.version.machine)
    } else if row.once == nil || row.due == .onEnd {
      remove(row)
    } else {
      row.call = nil
      write(row)
    }
  }

  /// The numbers of the jobs of an instance whose results calls wait for.
  func awaitedJobs(of instance: Int64) -> [JobReference: Int64] {
    var found: [JobReference: Int64] = [:]
    for row in jobs(of: instance) where row.call != nil {
      found[JobReference(revision: row.revision, number: row.number)] = row.id
    }
    return found
  }
}
