import FlowIR
import FlowMachine

// Migrates an instance to the version of new instances of its flow.
extension Engine {
  func migrate(_ old: Cached, command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard old.row.status != .suspended else {
      throw .notPossible("`\(command.key)` is suspended: resume it first")
    }
    guard let entry = catalogue[command.flow], let version = deployments[entry.hash] else {
      throw .unknownFlow(command.flow, known: catalogue.names)
    }
    guard version.hash != old.version.hash else {
      throw .notPossible("`\(command.key)` runs the newest version already")
    }
    let now = world.now()
    let migrated: Migrated
    do throws(MigrationProblem) {
      try requireActions(of: old, in: version.machine)
      migrated = try version.stepper.migrate(old.instance, from: old.version.machine, now: now)
    } catch {
      throw .notPossible(error.message, summary: error.summary)
    }
    let states = version.stepper.leafPaths(of: migrated.step.next)
    guard !command.isDryRun else {
      let verb = migrated.step.next.status == .running ? "be" : "end"
      return answer(old, sequence: 0, detail: "would \(verb) in \(states.joined(separator: ", "))")
    }
    return apply(migrated, to: old, version, command: command, at: now)
  }

  /// Jobs name their action, so the new version must have it.
  private func requireActions(of old: Cached, in machine: Machine) throws(MigrationProblem) {
    for row in jobs(of: old.row.id) where row.action != Engine.deliveryAction && row.outcome.isEmpty {
      guard target(of: row, in: machine) != nil else {
        throw MigrationProblem(message: "job \(row.id) waits to do `\(row.action)`, which is gone")
      }
    }
  }

  private func apply(
    _ migrated: Migrated, to old: Cached, _ version: Version, command: OperatorCommand, at now: Int64
  ) -> OperatorAnswer {
    for timer in old.instance.timers { batch.writes.timers[TimerID(old, timer)] = .some(nil) }
    let awaited = migrated.withdrawn.isEmpty ? [:] : awaitedJobs(of: old.row.id)
    for row in migrated.withdrawn.compactMap({ awaited[$0].flatMap { findJob($0) } }) { withdraw(row, of: old) }
    for var row in jobs(of: old.row.id) {
      guard row.call != nil || row.due == .onTurn else { continue }
      if let call = row.call { row.call = migrated.calls[CallIndex(call)]?.position }
      if row.due == .onTurn {
        // The limit of the new version decides.
        releaseSlot(row.id)
        throttles.release(row.id)
        row.due = .at(now)
      }
      write(row)
    }
    var row = old.row
    row.definition = version.hash
    // Both are written completely, because the layout of the new version may differ.
    row.position = []
    row.data = []
    let carried = Cached(
      row: row, instance: old.instance, version: version, job: old.job, hasStoredItems: old.hasStoredItems)
    let recorded = record(migrated.step, of: carried, cause: .other(cause(command)), at: now)
    let cached = cache.find(row: row.id) ?? carried
    for timer in migrated.step.next.timers { arm(TimerID(cached, timer), due: timer.due) }
    let count = migrated.withdrawn.count
    let detail = count == 0 ? "" : "\(count) \(count == 1 ? "call was" : "calls were") withdrawn"
    return answer(cached, sequence: recorded.sequence, detail: detail)
  }
}
