import CEL
public import FlowIR
import FlowJSON

/// An instance that was migrated to another version of its flow.
public struct Migrated: Sendable {
  /// The first step under the new version: the timers and calls that it starts, and its `always` transitions.
  public var step: Step
  /// The calls that continue: indices of the old version, with those of the new one.
  public var calls: [CallIndex: CallIndex]
  /// The jobs of calls that do not exist in the new version.
  public var withdrawn: [JobReference]
}

/// The reason that an instance can't be migrated, with the fix.
public struct MigrationProblem: Error, Hashable, Sendable {
  public var message: String

  public init(message: String) { self.message = message }
}

extension Stepper {
  /// Migrates an instance from another version of its flow to this one.
  ///
  /// States keep their paths unless `migrate from` moves them; fields keep their names, with the values that `migrate
  /// from` assigns. Its expressions read the data of the earlier version as `old`. Timers and calls of remaining states
  /// continue, new ones start, and nothing is entered or left.
  /// - Throws: `MigrationProblem` when a state, a call or a value has no equivalent.
  /// - Parameter machine: The current version of the instance.
  public func migrate(
    _ old: Instance, from machine: Machine, now: Int64
  ) throws(MigrationProblem) -> Migrated {
    let oldFlow = machine.program.flows[old.flow]
    guard let index = self.machine.flow(named: oldFlow.name) else {
      throw MigrationProblem(message: "there is no flow `\(oldFlow.name)` any more")
    }
    let map = MigrationMap(
      from: machine.program, oldFlow, to: self.machine.program, self.machine.program.flows[index])
    let migrator = InstanceMigrator(map: map, old: old, oldMachine: machine)
    let position = try migrator.position()
    let header = InstanceHeader(
      flow: index, key: old.key, status: old.status, revision: old.revision, startedAt: old.startedAt)
    do throws(ProgramError) {
      var instance = try restore(header, position: position, data: migrator.data(self.machine))
      instance.data = try carry(instance.data, map, old: migrator.oldData, needed: needed(instance))
      return try advance(instance, migrator: migrator, now: now)
    } catch {
      throw MigrationProblem(message: error.message)
    }
  }

  /// Sets new fields to their defaults, and performs the assignments of the migration.
  /// - Parameters:
  ///   - old: The data of the earlier version.
  ///   - needed: The states whose fields have values.
  private func carry(
    _ data: FrozenSlots, _ map: MigrationMap, old: JSON, needed: Set<StateIndex>
  ) throws(ProgramError) -> FrozenSlots {
    evaluator.reset()
    frame.clear()
    frame.load(data, at: FrameLayout.firstField)
    if case .success(let value) = Value.from(old, as: .map(.string, .dyn), in: machine.types) {
      frame[FrameLayout.event] = evaluator.slot(value, as: .map(.string, .dyn))
    }
    let assigned = Set(map.migration?.assignments.map(\.field) ?? [])
    let known = Set(map.old.fields.map(\.name))
    for (index, field) in map.new.fields.enumerated() where !assigned.contains(index) {
      // A field of a state has a value if the state is active, or a history keeps it.
      if let state = field.state {
        guard needed.contains(state), frame[FrameLayout.firstField + index].tag == .unset else { continue }
      } else if known.contains(field.name) {
        continue
      }
      if let value = field.defaultValue {
        try assign(value, to: index, field)
      } else if case .optional = field.type {
        continue
      } else {
        throw ProgramError(
          "the field `\(field.name)` is new and has no value: write `migrate from \(map.old.version) { data "
            + "\(field.name) = … }`")
      }
    }
    for assignment in map.migration?.assignments ?? [] {
      if let state = map.new.fields[assignment.field].state, !needed.contains(state) { continue }
      try assign(assignment.value, to: assignment.field, map.new.fields[assignment.field])
    }
    do throws(EvaluationError) {
      return try FrozenSlots(copying: frame, range: map.new.keptSlots)
    } catch {
      throw ProgramError(error.message)
    }
  }

  /// The states of an instance that are active, or that its histories return to.
  private func needed(_ instance: Instance) -> Set<StateIndex> {
    let flow = machine.program.flows[instance.flow]
    let kept = instance.extended.history.flatMap { history in
      // The states around the one with the history get arguments or defaults when they are entered.
      [history.state] + history.leaves.flatMap { flow.around($0) }.filter { $0 > history.state }
    }
    return Set(instance.active.ascending).union(kept)
  }

  private func assign(_ value: SourcedExpression, to field: Int, _ declaration: DataField) throws(ProgramError) {
    do {
      let code = try ExpressionProgram(value.tree, types: machine.types)
      let slot = try evaluator.evaluate(code, frame: frame)
      frame[FrameLayout.firstField + field] = evaluator.slot(
        evaluator.value(slot, as: value.tree.type), as: declaration.type)
    } catch let error as EvaluationError {
      throw ProgramError("`\(declaration.name)`: \(error.message)")
    } catch {
      throw ProgramError("`\(declaration.name)` can't be computed")
    }
  }

  /// The first step: new timers and calls of the active states start.
  private func advance(
    _ carried: Instance, migrator: InstanceMigrator, now: Int64
  ) throws(ProgramError) -> Migrated {
    let map = migrator.map
    let active = carried.active.ascending
    let kept = Set(carried.timers.map(\.transition))
    let timers = active.flatMap { map.new.states[$0].transitions }.filter {
      map.new.transitions[$0].trigger.isTimer && !kept.contains($0) && !migrator.isKnown(timer: $0)
    }
    let calls = active.flatMap { map.new.states[$0].calls }.filter {
      !map.new.calls[$0].isStep && !migrator.isKnown(call: $0)
    }
    switch interpreter.migrate(carried, timers: timers, calls: calls, now: now) {
    case .refused(let refusal): throw ProgramError(refusal.message)
    case .accepted(let step):
      return Migrated(step: step, calls: migrator.calls, withdrawn: migrator.withdrawn)
    }
  }
}

extension Interpreter {
  /// Starts the timers and calls that are new to a migrated instance, and finishes the macrostep.
  mutating func migrate(_ old: Instance, timers: [Int], calls: [CallIndex], now: Int64) -> Outcome {
    var instance = old
    prepare(instance, .called, now: now)
    do throws(StepFailure) {
      for transition in timers { try arm(Int32(transition), after: now) }
      for call in calls { try prepareCall(call) }
      // The journal entry of a migration holds all data.
      isDataChanged = true
      areResultsChanged = flow.hasCalls
      changed = BitSet(flow.flow.fields.indices)
      try finishMacrostep()
      let disposition = try commit(.applied, to: &instance)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error))
    }
  }
}
