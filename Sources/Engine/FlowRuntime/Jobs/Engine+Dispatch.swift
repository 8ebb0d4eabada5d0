import CEL
import FlowIR
import FlowJSON
import FlowMachine

// The engine's own jobs on their way to a runner.
extension Engine {
  /// The action name of a row that contains an emitted event to deliver. No action has this name.
  static let deliveryAction = ""

  /// Starts the jobs that a runner may execute now. Called after ``commit()``, and followed by another commit: some
  /// jobs end here.
  public func dispatch() -> [(job: Int64, request: JobRequest)] {
    var hasPage = false
    return dispatch(atMost: Engine.maximumInFlight, hasPage: &hasPage)
  }

  /// Starts a part of the jobs.
  /// - Parameters:
  ///   - limit: The maximum number of jobs in progress.
  ///   - hasPage: True if a page of a broadcast was delivered since the last commit.
  func dispatch(atMost limit: Int, hasPage: inout Bool) -> [(job: Int64, request: JobRequest)] {
    restoreLimits()
    grantTurns()
    refill()
    let taken = scheduler.dequeue(upTo: limit)
    var out: [(job: Int64, request: JobRequest)] = []
    var held: [JobRow] = []
    for row in taken where isCurrent(row) {
      guard let cached = loadOwner(of: row, at: world.now()) else { continue }
      if cached.row.status == .suspended {
        suspend(row)
      } else if !row.outcome.isEmpty {
        retryResult(of: row)
      } else if row.action == Engine.deliveryAction {
        if let broadcast = Broadcast(row) {
          // One page for each commit, so that no transaction grows with the number of instances.
          hasPage ? held.append(row) : deliverPage(of: broadcast, row, by: cached)
          hasPage = true
        } else {
          deliver(row)
        }
      } else if calledFlow(row, in: cached.version.machine) != nil {
        startChild(row)
      } else {
        dispatch(row, of: cached, started: &out, held: &held)
      }
    }
    openLimits()
    scheduler.putBack(held)
    return out
  }

  private func dispatch(
    _ row: JobRow, of cached: Cached, started out: inout [(job: Int64, request: JobRequest)], held: inout [JobRow]
  ) {
    do throws(BindingError) {
      guard try takeSlot(row, of: cached) else { return }
      switch try admit(row, of: cached) {
      case .free: start(row, &out)
      case .hold: held.append(row)
      case .wait: releaseSlot(row.id)
      }
    } catch {
      finish(row, .impossible(code: "BAD_REQUEST", message: error.message))
    }
  }

  private func start(_ row: JobRow, _ out: inout [(job: Int64, request: JobRequest)]) {
    scheduler.start(row.id, at: world.now())
    switch request(for: row) {
    case .success(let request): out.append((row.id, request))
    case .failure(let error): finish(row.id, .unreachable(error.message))
    }
  }

  /// Holds a job until its instance is resumed.
  func suspend(_ row: JobRow) {
    releaseSlot(row.id)
    throttles.release(row.id)
    var held = row
    // Other jobs that wait for the same work must not wait for this instance.
    held.due = passOnOnce(of: row) ? .onEnd : .onResume
    write(held)
  }

  /// True if nothing has changed the job since its row was read.
  func isCurrent(_ row: JobRow) -> Bool {
    !batch.changesJob(row.id) && !scheduler.isInFlight(row.id)
  }

  /// Reads the jobs that have become due.
  private func refill() {
    let now = world.now()
    guard let limit = scheduler.rowsWanted(at: now) else { return }
    let rows = read { () throws(StoreError) in try store.dueJobs(queue: nil, at: now, limit: limit) } ?? []
    scheduler.add(rows.filter { isCurrent($0) })
    if rows.count < limit {
      scheduler.setNextDue(read { () throws(StoreError) in try store.nextJob(after: now) } ?? nil)
    }
  }

  private func deliver(_ row: JobRow) {
    guard let owner = loadOwner(of: row, at: world.now()) else { return }
    remove(row)
    guard let delivery = delivery(row, of: owner) else { return }
    deliveries.add(delivery)
    deliverPending()
  }

  /// The arguments of a job, typed for its action.
  func arguments(of row: JobRow, for action: Action, in machine: Machine) throws(BindingError) -> Value {
    guard let json = try? JSON(parsing: row.arguments),
      case .success(let arguments) = Value.from(json, as: .record(action.parameters.name), in: machine.types)
    else { throw BindingError("its arguments can't be read") }
    return arguments
  }

  func request(for row: JobRow) -> Result<JobRequest, BindingError> {
    do {
      guard let cached = try load(row: row.instance), let action = action(of: row, in: cached.version.machine) else {
        return .failure(BindingError("its instance or action is gone"))
      }
      let machine = cached.version.machine
      let node = machine.program.actions[action]
      let arguments = try arguments(of: row, for: node, in: machine)
      let bound = try cached.version.stepper.bind(
        action: action, arguments: arguments, environment: { world.variable($0) })
      return .success(
        JobRequest(
          action: bound.action,
          timeoutMilliseconds: policy(of: row, in: machine, flow: cached.row.flow).timeoutMilliseconds,
          idempotencyKey: idempotencyKey(of: row, cached, body: bound.action.body), attempt: row.attempt + 1,
          signingSecret: bound.signingSecret, secrets: bound.secrets))
    } catch let error as BindingError {
      return .failure(error)
    } catch {
      return .failure(BindingError("its instance can't be loaded"))
    }
  }
}
