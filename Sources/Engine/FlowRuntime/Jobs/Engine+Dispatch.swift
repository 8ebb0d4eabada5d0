import CEL
import FlowIR
import FlowJSON
import FlowMachine

// How jobs go out to runners.
extension Engine {
  /// What stands in a job's row for an emitted event that is still to be delivered. No action has this name.
  static let deliveryAction = ""

  /// The jobs that a runner may have now, taken as under way. To be called after ``commit()``, and to be followed by
  /// another: some jobs end here.
  public func dispatch() -> [(job: Int64, request: JobRequest)] {
    refill()
    let taken = ready.prefix(max(Engine.maximumInFlight - inFlight.count, 0))
    ready.removeFirst(taken.count)
    var out: [(Int64, JobRequest)] = []
    var held: [JobRow] = []
    for row in taken where isStillThere(row) {
      guard let cached = owner(of: row, world.now()) else { continue }
      if cached.row.status == InstanceRow.suspended {
        park(row)
      } else if !row.outcome.isEmpty {
        takeKept(row)
      } else if row.action == Engine.deliveryAction {
        deliver(row)
      } else if calledFlow(row, cached.version.machine) != nil {
        startChild(row)
      } else {
        switch passage(row, cached) {
        case .free: begin(row, &out)
        case .hold: held.append(row)
        case .wait: break
        }
      }
    }
    ready.insert(contentsOf: held, at: 0)
    return out
  }

  private func begin(_ row: JobRow, _ out: inout [(Int64, JobRequest)]) {
    inFlight.insert(row.id)
    switch request(for: row) {
    case .success(let request): out.append((row.id, request))
    case .failure(let error): finish(row.id, .unreachable(error.message))
    }
  }

  /// Holds a job until its instance goes on.
  func park(_ row: JobRow) {
    var parked = row
    parked.due = Engine.parked
    write(parked)
  }

  /// Whether nothing that happened since the row was read has changed it.
  private func isStillThere(_ row: JobRow) -> Bool {
    batch.jobs[row.id] == nil && !batch.jobsRemoved.contains(row.id) && !inFlight.contains(row.id)
  }

  /// Notes which of the jobs that were just committed may go out, and when the others may.
  func schedule(_ jobs: [Int64: JobRow]) {
    let now = world.now()
    var due: [JobRow] = []
    for row in jobs.values where row.queue == nil && row.due < Engine.parked && !inFlight.contains(row.id) {
      if row.due <= now { due.append(row) } else { nextJob = min(nextJob ?? .max, row.due) }
    }
    guard !due.isEmpty else { return }
    let known = Set(due.map(\.id))
    ready.removeAll { known.contains($0.id) }
    ready += due.sorted { $0.id < $1.id }
  }

  /// Finds jobs whose time has come.
  private func refill() {
    let now = world.now()
    guard let due = nextJob, due <= now, ready.count < Engine.maximumInFlight else { return }
    // Those under way are due, too, and still have their rows.
    let limit = 2 * Engine.maximumInFlight + inFlight.count
    let rows = read { () throws(StoreError) in try store.dueJobs(queue: nil, at: now, limit: limit) } ?? []
    let known = Set(ready.map(\.id))
    ready += rows.filter { !known.contains($0.id) && isStillThere($0) }
    if rows.count < limit { nextJob = read { () throws(StoreError) in try store.nextJob(after: now) } ?? nil }
  }

  private func deliver(_ row: JobRow) {
    guard let owner = owner(of: row, world.now()) else { return }
    remove(row)
    guard let delivery = delivery(row, owner) else { return }
    deliveries.append(delivery)
    settle()
  }

  private func request(for row: JobRow) -> Result<JobRequest, BindingError> {
    do {
      guard let cached = try load(row: row.instance), let action = action(row, cached.version.machine) else {
        return .failure(BindingError("its instance or action is gone"))
      }
      let machine = cached.version.machine
      let node = machine.program.actions[action]
      guard let json = try? JSON(parsing: row.arguments),
        case .success(let arguments) = Value.from(json, as: .record(node.parameters.name), in: machine.types)
      else { return .failure(BindingError("its arguments can't be read")) }
      let bound = try cached.version.stepper.bind(
        action: action, arguments: arguments, environment: { world.variable($0) })
      return .success(
        JobRequest(
          action: bound.action, timeoutMilliseconds: policy(row, machine, cached.row.flow).timeoutMilliseconds,
          idempotencyKey: idempotencyKey(row, cached), attempt: row.attempt + 1,
          signingSecret: bound.signingSecret, secrets: bound.secrets))
    } catch let error as BindingError {
      return .failure(error)
    } catch {
      return .failure(BindingError("its instance can't be loaded"))
    }
  }

  /// The same for every try of a job and different from every other job's, for ever.
  func idempotencyKey(_ row: JobRow, _ cached: Cached) -> String {
    row.once ?? "\(counters.identity)/\(cached.row.flow)/\(cached.row.key)/\(row.revision)/\(row.number)"
  }

  func action(_ row: JobRow, _ machine: Machine) -> Int? {
    machine.program.actions.firstIndex { $0.name == row.action }
  }

  /// The action or the flow of a job.
  func target(_ row: JobRow, _ machine: Machine) -> Call.Target? {
    action(row, machine).map { .action($0) } ?? calledFlow(row, machine).map { .flow($0) }
  }

  /// What a call says of retries, or else its action; an undo is not the call that it undoes.
  func policy(_ row: JobRow, _ machine: Machine, _ flow: String) -> Policy {
    if let call = row.call.map({ CallIndex($0) }), let index = machine.flow(named: flow),
      machine.program.flows[index].calls.indices.contains(call),
      machine.program.flows[index].calls[call].target == target(row, machine)
    {
      return machine.program.flows[index].calls[call].policy
    }
    return action(row, machine).map { machine.program.actions[$0].policy } ?? Policy()
  }
}
