import CEL
import FlowIR
import FlowJSON
import FlowMachine

/// A run of a scheduled start.
struct ScheduledRun {
  var id: ScheduleID
  /// The instant at which it is or was due, in milliseconds since 1970.
  var due: Int64
  var entry: Catalogue.Entry
  var version: Version
  /// The command of the operator that asks for it, for the journal; nil for a run by the clock.
  var operation: JSON?

  var start: Start { version.machine.program.flows[entry.flow].starts[id.start] }
}

// Instances that start by the clock, and their overlap with the instance that the schedule started last.
extension Engine {
  /// The outcome of a run.
  private enum RunOutcome {
    case started(Cached, sequence: Int64, replaced: String?)
    /// The instance with this key is running.
    case skipped(running: String)
    case queued(behind: String, isNew: Bool)
    /// Another instance has the key, or its flow declares that the key is not free yet.
    case keyTaken(String)
  }

  /// Carries out a run that is due.
  func fire(_ run: ScheduledRun) {
    do throws(EngineProblem) {
      switch try self.run(run) {
      case .skipped, .queued(behind: _, isNew: false): change(run.id) { $0.skip(run.due) }
      case .keyTaken(let key):
        change(run.id) { $0.skip(run.due) }
        warn("its key `\(key)` is taken", of: run)
      case .started, .queued: break
      }
    } catch {
      warn(error, of: run)
    }
  }

  /// Starts an instance as a scheduled start does when it is due, without changing its next run. The outcome holds
  /// once ``commit()`` has returned.
  public func startNow(_ command: StartNowCommand) -> Result<StartNowAnswer, EngineProblem> {
    guard let entry = catalogue[command.flow], !entry.isRetired, let version = deployments[entry.hash],
      version.machine.program.flows[entry.flow].isScheduled(command.start)
    else { return .failure(.notFound("`\(command.flow)` has no scheduled start \(command.start)")) }
    defer { deliverPending() }
    var run = ScheduledRun(
      id: ScheduleID(flow: entry.name, start: command.start), due: world.now(), entry: entry, version: version)
    run.operation = operatorBody("run", reason: command.reason, caller: command.caller, adding: [])
    do throws(EngineProblem) {
      switch try self.run(run) {
      case .started(let cached, let sequence, let replaced):
        let detail = replaced.map { "`\($0)` was cancelled" } ?? ""
        return .success(.started(answer(cached, sequence: sequence, detail: detail)))
      case .skipped(let key):
        let reason = "is still running, and the schedule has `overlap skip`"
        return .failure(.notPossible("`\(key)` \(reason)", summary: "an instance \(reason)"))
      case .queued(let key, let isNew): return .success(.queued(behind: key, isNew: isNew))
      case .keyTaken(let key): return .failure(.alreadyExists(key: key))
      }
    } catch {
      return .failure(error)
    }
  }

  /// Starts an instance, unless the policy of the schedule forbids it.
  private func run(_ run: ScheduledRun) throws(EngineProblem) -> RunOutcome {
    let running = try runningInstance(of: run.id)
    if let key = running?.row.key {
      switch run.start.overlap {
      case .skip: return .skipped(running: key)
      case .queue: return queue(run, behind: key)
      case .allow, .replace: break
      }
    }
    let first = try firstStep(run)
    guard !first.isKeyTaken else { return .keyTaken(first.id.key) }
    let replaced = run.start.overlap == .replace ? running : nil
    if let replaced { try replace(replaced, by: first.id, in: run) }
    let step = first.step
    let cached = newInstance(first.id, step, in: run.version, replacing: first.earlier)
    let recorded = record(step, of: cached, cause: .other(cause(run)), at: step.next.startedAt, isNew: true)
    let started = cache.find(row: cached.row.id) ?? cached
    change(run.id) {
      $0.running = started.row.status.hasEnded ? nil : first.id.key
      $0.lastRun = step.next.startedAt
    }
    return .started(started, sequence: recorded.sequence, replaced: replaced?.row.key)
  }

  private func cause(_ run: ScheduledRun) -> JSON {
    var members: [JSON.Member] = [
      .init("due", .string(timeText(run.due))), .init("start", .int(Int64(run.id.start))),
    ]
    if let operation = run.operation { members.append(.init("operator", operation)) }
    return .object([.init("schedule", .object(members))])
  }

  // MARK: - Overlap

  /// The instance that a schedule started last, if it has not ended.
  private func runningInstance(of id: ScheduleID) throws(EngineProblem) -> Cached? {
    guard let key = deployments.schedules[id]?.running else { return nil }
    if let cached = try load(InstanceID(flow: id.flow, key: key)), !cached.row.status.hasEnded { return cached }
    change(id) { $0.running = nil }
    return nil
  }

  /// Lets a run wait for the end of the running instance, unless another one waits already.
  private func queue(_ run: ScheduledRun, behind key: String) -> RunOutcome {
    let isNew = deployments.schedules[run.id]?.waiting == nil
    if isNew { change(run.id) { $0.waiting = run.due } }
    return .queued(behind: key, isNew: isNew)
  }

  /// Cancels the running instance as an operator does, so that no `exit` statement of it runs.
  private func replace(_ old: Cached, by new: InstanceID, in run: ScheduledRun) throws(EngineProblem) {
    let cause: JSON = [
      "schedule": ["due": .string(timeText(run.due)), "start": .int(Int64(run.id.start)), "next": .string(new.key)]
    ]
    _ = try abort(old, cause: cause)
  }

  // MARK: - The first step

  /// The first step of a scheduled start.
  private struct FirstStep {
    var step: Step
    var id: InstanceID
    /// The instance that had the key before.
    var earlier: Cached?
    /// True if another instance has the key, or had it and its flow declares that it is not free yet.
    var isKeyTaken = false
  }

  private func firstStep(_ run: ScheduledRun) throws(EngineProblem) -> FirstStep {
    let (step, key) = try firstStep(run, after: 0)
    var first = FirstStep(step: step, id: InstanceID(flow: run.entry.name, key: key))
    first.earlier = try load(first.id)
    guard let earlier = first.earlier else {
      first.isKeyTaken = try tombstone(first.id)?.keyTakenUntil != nil
      return first
    }
    first.isKeyTaken = !isKeyFree(of: earlier)
    if !first.isKeyTaken { first.step = try firstStep(run, after: earlier.instance.revision).step }
    return first
  }

  /// The first step under the key that the flow assigns, or else the instant of the tick.
  /// - Parameter revision: The last revision of an earlier run with the same key.
  private func firstStep(
    _ run: ScheduledRun, after revision: Int
  ) throws(EngineProblem) -> (step: Step, key: String) {
    let stepper = run.version.stepper
    let (outcome, key) = stepper.start(
      flow: run.entry.flow, schedule: run.id.start, due: run.due, now: world.now(), after: revision)
    switch outcome {
    case .refused(let refusal):
      throw .refused(refusal, explanation: refusal.explanationJSON(in: run.version.machine))
    case .accepted(let step):
      guard stepper.assignedKey(step) ?? key == key else {
        throw .notPossible("the key of the instance depends on itself")
      }
      return (step, key)
    }
  }

  /// No caller receives the refusal, so the operator is warned of a tick that started nothing.
  private func warn(_ problem: EngineProblem, of run: ScheduledRun) {
    let reason: String
    switch problem {
    // A false guard is not an error.
    case .refused(let refusal, _) where refusal.reason == .notStarted: return
    case .refused(let refusal, _): reason = refusal.message
    case .notPossible(let message, _): reason = message
    default: return
    }
    warn(reason, of: run)
  }

  private func warn(_ reason: String, of run: ScheduledRun) {
    warn("the start of `\(run.id.flow)` that was due at \(timeText(run.due)) failed: \(reason)")
  }
}
