import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Instances that start on a schedule. Starts that were missed during downtime are executed once.
extension Engine {
  /// Sets the due times of the scheduled starts of a flow; an unchanged start keeps its time.
  func schedule(_ index: FlowIndex, of version: Version) {
    let flow = version.machine.program.flows[index]
    for id in deployments.schedules.keys where id.flow == flow.name && !flow.isScheduled(id.start) { endSchedule(id) }
    for start in flow.starts.indices where flow.isScheduled(start) {
      let id = ScheduleID(flow: flow.name, start: start)
      if let known = deployments.schedules[id], known.due < .max, isSame(known, flow, start: start) {
        setSchedule(id, version, due: known.due)
      } else {
        setSchedule(id, version, due: nextStart(id, of: version, after: world.now()))
      }
    }
  }

  /// Returns true if the program of a schedule row declares the same start as this flow.
  private func isSame(_ row: ScheduleRow, _ flow: Flow, start: Int) -> Bool {
    guard let old = try? version(row.definition), let index = old.machine.flow(named: flow.name) else { return false }
    let starts = old.machine.program.flows[index].starts
    return starts.indices.contains(start) && starts[start].trigger == flow.starts[start].trigger
  }

  /// Starts the instances that are due. The outcome is final once ``commit()`` has returned.
  public func fireSchedules() {
    let now = world.now()
    guard let first = deployments.nextStart, first <= now else { return }
    for (id, row) in deployments.schedules.sorted(by: { ($0.value.due, $0.key.flow) < ($1.value.due, $1.key.flow) })
    where row.due <= now {
      guard let entry = catalogue[id.flow], !entry.isRetired, let version = deployments[entry.hash] else {
        endSchedule(id)
        continue
      }
      start(row, of: entry, version)
      setSchedule(id, version, due: nextStart(id, of: version, after: max(now, row.due)))
    }
    deliverPending()
  }

  private func start(_ row: ScheduleRow, of entry: Catalogue.Entry, _ version: Version) {
    do throws(EngineProblem) {
      let first = try firstStep(row, of: entry, version)
      // The tick may have started it before a crash, or its key is in use.
      guard !first.isKeyTaken else { return }
      let step = first.step
      let cached = newInstance(first.id, step, in: version, replacing: first.earlier)
      let cause: JSON = ["schedule": ["due": .string(timeText(row.due)), "start": .int(Int64(row.start))]]
      record(step, of: cached, cause: .other(cause), at: step.next.startedAt, isNew: true)
    } catch {
      warn(error, of: row)
    }
  }

  /// Starts an instance as a scheduled start does when it is due, without changing its next run. The outcome holds
  /// once ``commit()`` has returned.
  public func startNow(_ command: StartNowCommand) -> Result<OperatorAnswer, EngineProblem> {
    guard let entry = catalogue[command.flow], !entry.isRetired, let version = deployments[entry.hash],
      version.machine.program.flows[entry.flow].isScheduled(command.start)
    else { return .failure(.notFound("`\(command.flow)` has no scheduled start \(command.start)")) }
    defer { deliverPending() }
    let due = world.now()
    let row = ScheduleRow(flow: entry.name, start: command.start, definition: version.hash, due: due)
    do throws(EngineProblem) {
      let first = try firstStep(row, of: entry, version)
      guard !first.isKeyTaken else { return .failure(.alreadyExists(key: first.id.key)) }
      let step = first.step
      let cached = newInstance(first.id, step, in: version, replacing: first.earlier)
      let operation = operatorBody("run", reason: command.reason, caller: command.caller, adding: [])
      let start: JSON = [
        "due": .string(timeText(due)), "start": .int(Int64(command.start)), "operator": operation,
      ]
      let recorded = record(
        step, of: cached, cause: .other(["schedule": start]), at: step.next.startedAt, isNew: true)
      return .success(answer(cache.find(row: cached.row.id) ?? cached, sequence: recorded.sequence, detail: ""))
    } catch {
      return .failure(error)
    }
  }

  /// The first step of a scheduled start.
  private struct FirstStep {
    var step: Step
    var id: InstanceID
    /// The instance that had the key before.
    var earlier: Cached?
    /// True if another instance has the key, or had it and its flow declares that it is not free yet.
    var isKeyTaken = false
  }

  private func firstStep(
    _ row: ScheduleRow, of entry: Catalogue.Entry, _ version: Version
  ) throws(EngineProblem) -> FirstStep {
    let (step, key) = try firstStep(row, of: entry, version, after: 0)
    var first = FirstStep(step: step, id: InstanceID(flow: entry.name, key: key))
    first.earlier = try load(first.id)
    guard let earlier = first.earlier else {
      first.isKeyTaken = try tombstone(first.id)?.keyTakenUntil != nil
      return first
    }
    first.isKeyTaken = !isKeyFree(of: earlier)
    if !first.isKeyTaken {
      first.step = try firstStep(row, of: entry, version, after: earlier.instance.revision).step
    }
    return first
  }

  /// The first step under the key that the flow assigns, or else the instant of the tick.
  /// - Parameter revision: The last revision of an earlier run with the same key.
  private func firstStep(
    _ row: ScheduleRow, of entry: Catalogue.Entry, _ version: Version, after revision: Int
  ) throws(EngineProblem) -> (step: Step, key: String) {
    var key = Timestamp(milliseconds: row.due).description
    for _ in 0..<2 {
      let outcome = version.stepper.start(
        flow: entry.flow, schedule: row.start, key: key, now: world.now(), after: revision)
      switch outcome {
      case .refused(let refusal):
        throw .refused(refusal, explanation: refusal.explanationJSON(in: version.machine))
      case .accepted(let step):
        guard let field = version.machine.program.flows[entry.flow].key,
          case .string(let given)? = step.next.value(ofField: field, in: version.machine), !given.isEmpty, given != key
        else { return (step, key) }
        key = given
      }
    }
    throw .notPossible("the key of the instance depends on itself")
  }

  /// No caller receives the refusal, so the operator is warned of a tick that started nothing.
  private func warn(_ problem: EngineProblem, of row: ScheduleRow) {
    let reason: String
    switch problem {
    // A false guard is not an error.
    case .refused(let refusal, _) where refusal.reason == .notStarted: return
    case .refused(let refusal, _): reason = refusal.message
    case .notPossible(let message): reason = message
    default: return
    }
    warn("the start of `\(row.flow)` that was due at \(timeText(row.due)) failed: \(reason)")
  }

  private func nextStart(_ id: ScheduleID, of version: Version, after instant: Int64) -> Int64 {
    guard let flow = version.machine.flow(named: id.flow) else { return .max }
    switch version.stepper.nextStart(flow: flow, schedule: id.start, after: instant) {
    case .success(let due): return due ?? .max
    case .failure(let error):
      warn("\(version.machine.program.flows[flow].starts[id.start].location): \(error.message)")
      return .max
    }
  }

  private func setSchedule(_ id: ScheduleID, _ version: Version, due: Int64) {
    let row = ScheduleRow(flow: id.flow, start: id.start, definition: version.hash, due: due)
    if deployments.set(row) { batch.writes.schedules[id] = row }
  }

  func endSchedule(_ id: ScheduleID) {
    guard var row = deployments.schedules[id], row.due < .max else { return }
    row.due = .max
    if deployments.set(row) { batch.writes.schedules[id] = row }
  }
}

extension Flow {
  fileprivate func isScheduled(_ start: Int) -> Bool {
    guard starts.indices.contains(start) else { return false }
    switch starts[start].trigger {
    case .every, .cron: return true
    case .event, .called: return false
    }
  }
}
