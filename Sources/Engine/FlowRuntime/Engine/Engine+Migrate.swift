import FlowIR
import FlowMachine

// An instance goes on under the version that new instances of its flow run.
extension Engine {
  func migrate(_ old: Cached, _ command: OperatorCommand) throws(EngineProblem) -> OperatorAnswer {
    guard old.row.status != InstanceRow.suspended else {
      throw .notPossible("`\(command.key)` is suspended: resume it first")
    }
    guard let entry = catalogue[command.flow], let version = versions[entry.hash] else {
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
      throw .notPossible(error.message)
    }
    let states = version.stepper.leafPaths(of: migrated.step.next)
    guard !command.isDryRun else { return answer(old, 0, "would be in \(states.joined(separator: ", "))") }
    return carryOut(migrated, old, version, command, now)
  }

  /// Jobs know their action by its name, so the new version has to have it.
  private func requireActions(of old: Cached, in machine: Machine) throws(MigrationProblem) {
    for row in jobsOf(old.row.id) where row.action != Engine.deliveryAction && row.outcome.isEmpty {
      guard target(row, machine) != nil else {
        throw MigrationProblem(message: "job \(row.id) waits to do `\(row.action)`, which is gone")
      }
    }
  }

  private func carryOut(
    _ migrated: Migrated, _ old: Cached, _ version: Version, _ command: OperatorCommand, _ now: Int64
  ) -> OperatorAnswer {
    for timer in old.instance.timers { batch.timers[TimerID(old, timer)] = .some(nil) }
    for reference in migrated.withdrawn { withdraw(reference, old) }
    for var row in jobsOf(old.row.id) {
      guard let call = row.call else { continue }
      row.call = migrated.calls[CallIndex(call)]?.position
      write(row)
    }
    var row = old.row
    row.definition = version.hash
    // Both are written as a whole: under the new version they may be others.
    row.position = []
    row.data = []
    let carried = Cached(row: row, instance: old.instance, version: version)
    let (sequence, _) = record(migrated.step, of: carried, cause: .other(cause(command)), at: now)
    let cached = cache.find(row: row.id) ?? carried
    for timer in cached.instance.timers { arm(TimerID(cached, timer), due: timer.due) }
    let count = migrated.withdrawn.count
    return answer(cached, sequence, count == 0 ? "" : "\(count) \(count == 1 ? "call was" : "calls were") withdrawn")
  }
}
