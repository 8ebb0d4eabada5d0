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
  /// The message without values of the instance.
  public var summary: String

  /// - Parameter summary: Nil for a message without values.
  public init(message: String, summary: String? = nil) {
    self.message = message
    self.summary = summary ?? message
  }
}

extension Stepper {
  /// Migrates an instance from another version of its flow to this one.
  ///
  /// States keep their paths unless `migrate from` moves them; fields keep their names, with the values that `migrate
  /// from` assigns. Its expressions read the data of the earlier version as `old`. Timers and calls of remaining states
  /// continue, and new ones start. Nothing is left; states that complete the configuration, such as those of new
  /// regions, are entered.
  /// - Throws: `MigrationProblem` when a state, a call or a value has no equivalent, or states exclude each other.
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
    let states = try migrator.migratedStates()
    let position = try migrator.position(in: states)
    let header = InstanceHeader(
      flow: index, key: old.key, status: old.status, revision: old.revision, startedAt: old.startedAt)
    try migrator.requireFittingValues(in: self.machine)
    var instance = try restoreMigrated(header, position: position, data: data(of: migrator))
    instance.data = try carry(instance.data, map, old: migrator.oldData, needed: needed(instance), now: now)
    return try advance(instance, migrator: migrator, states, now: now)
  }

  private func data(of migrator: InstanceMigrator) throws(MigrationProblem) -> JSON {
    do throws(ProgramError) {
      return try migrator.data(machine)
    } catch {
      throw MigrationProblem(message: error.message)
    }
  }

  private func restoreMigrated(
    _ header: InstanceHeader, position: JSON, data: JSON
  ) throws(MigrationProblem) -> Instance {
    do throws(ProgramError) {
      return try restore(header, position: position, data: data, items: [:])
    } catch {
      throw MigrationProblem(message: error.message, summary: "the instance does not fit the new version")
    }
  }

  /// Sets new fields to their defaults, and performs the assignments of the migration.
  /// - Parameters:
  ///   - old: The data of the earlier version.
  ///   - needed: The states whose fields have values.
  private func carry(
    _ data: FrozenSlots, _ map: MigrationMap, old: JSON, needed: Set<StateIndex>, now: Int64
  ) throws(MigrationProblem) -> FrozenSlots {
    evaluator.reset()
    frame.clear()
    frame.load(data, at: FrameLayout.firstField)
    frame[FrameLayout.now] = .timestamp(Timestamp(milliseconds: now))
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
        throw MigrationProblem(
          message: "the field `\(field.name)` is new and has no value: write `migrate from \(map.old.version) { data "
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
      throw MigrationProblem(message: error.message, summary: "the data of the new version can't be computed")
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

  private func assign(_ value: SourcedExpression, to field: Int, _ declaration: DataField) throws(MigrationProblem) {
    let summary = "`\(declaration.name)` can't be computed"
    do {
      let code = try ExpressionProgram(value.tree, types: machine.types, bound: declaration.bound)
      let slot = try evaluator.evaluate(code, frame: frame)
      frame[FrameLayout.firstField + field] = evaluator.slot(
        evaluator.value(slot, as: value.tree.type), as: declaration.type)
    } catch let error as EvaluationError {
      throw MigrationProblem(message: "`\(declaration.name)`: \(error.message)", summary: summary)
    } catch {
      throw MigrationProblem(message: summary)
    }
  }

  /// The first step: new timers and calls of the active states start, and the configuration is completed.
  private func advance(
    _ carried: Instance, migrator: InstanceMigrator, _ states: MigratedStates, now: Int64
  ) throws(MigrationProblem) -> Migrated {
    let flow = migrator.map.new
    let kept = [.root] + states.kept.sorted()
    let armed = Set(carried.timers.map(\.transition))
    let completed = Set(migrator.completed)
    let work = FirstWork(
      timers: kept.flatMap { flow.states[$0].transitions }.filter {
        flow.transitions[$0].trigger.isTimer && !armed.contains($0) && !migrator.isKnown(timer: $0)
      },
      calls: kept.flatMap { flow.states[$0].calls }.filter { !flow.calls[$0].isStep && !migrator.isKnown(call: $0) },
      stepping: kept.filter { state in
        flow.states[state].calls.contains {
          flow.calls[$0].isStep && !carried.extended.stepsBegun.contains($0.position)
        }
      },
      rollingBack: kept.filter { flow.states[$0].isRollback && !migrator.isRollingBack(in: $0) },
      entered: states.entered,
      completed: flow.completed(in: states.kept).filter { !completed.contains($0) })
    switch interpreter.migrate(carried, work, now: now) {
    case .refused(let refusal): throw MigrationProblem(message: refusal.message, summary: refusal.summary)
    case .accepted(let step):
      return Migrated(step: step, calls: migrator.calls, withdrawn: migrator.withdrawn)
    }
  }
}

/// The work of the first step of an instance that was migrated or copied.
struct FirstWork {
  /// The transitions whose timers start.
  var timers: [Int] = []
  /// The calls that start.
  var calls: [CallIndex] = []
  /// The states with steps that may start.
  var stepping: [StateIndex] = []
  /// The states whose rollback starts.
  var rollingBack: [StateIndex] = []
  /// The states that are entered, in order.
  var entered: [StateIndex] = []
  /// The states that are complete in the new version only.
  var completed: [StateIndex] = []
}

extension Interpreter {
  /// Performs the work that is new to an instance, and finishes the macrostep.
  mutating func migrate(_ old: Instance, _ work: FirstWork, now: Int64) -> Outcome {
    var instance = old
    prepare(instance, .called, now: now)
    do throws(StepFailure) {
      for state in work.entered { active.remove(state) }
      for transition in work.timers { try arm(Int32(transition), after: now) }
      for call in work.calls { try prepareCall(call) }
      for state in work.stepping { try advanceSteps(of: state) }
      for state in work.rollingBack { enterRollback(state) }
      for state in work.completed { queue.append(.state(.done, state, .unset)) }
      for state in work.entered { try enter(state, isRestored: true) }
      // The instance may be in a final state of the new version.
      mayHaveEnded = true
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
