import CEL
import FlowIR

/// An instance that was carried over to another version of its flow.
public struct Migrated: Sendable {
  /// The first step under the new version: what timers and calls it begins, and where `always` leads.
  public var step: Step
  /// The calls of the old version that go on, by their indices there, with those in the new one.
  public var calls: [Int: Int]
  /// The jobs of calls that the new version does not have.
  public var withdrawn: [JobReference]
}

/// Why an instance can't be carried over, and what would help.
public struct MigrationProblem: Error, Hashable, Sendable {
  public var message: String

  public init(message: String) { self.message = message }
}

extension Stepper {
  /// Carries an instance over from another version of its flow to this one.
  ///
  /// States keep their paths unless `migrate from` moves them; fields keep their names, and get what `migrate from`
  /// assigns; timers and calls of states that stay go on, those that are new begin, and nothing is entered or left.
  /// - Parameter machine: The version that it runs.
  public func migrate(
    _ old: Instance, from machine: Machine, now: Int64
  ) throws(MigrationProblem) -> Migrated {
    let oldFlow = machine.program.flows[old.flow]
    guard let index = self.machine.flow(named: oldFlow.name) else {
      throw MigrationProblem(message: "there is no flow `\(oldFlow.name)` any more")
    }
    let map = MigrationMap(
      from: machine.program, oldFlow, to: self.machine.program, self.machine.program.flows[index])
    let carrier = InstanceMigrator(map: map, old: old, oldMachine: machine)
    let position = try carrier.position()
    let header = InstanceHeader(
      flow: index, key: old.key, status: old.status, revision: old.revision, startedAt: old.startedAt)
    do throws(ProgramError) {
      var instance = try restore(header, position: position, data: carrier.data(self.machine))
      instance.data = try carry(instance.data, map)
      return try advance(instance, carrier, now)
    } catch {
      throw MigrationProblem(message: error.message)
    }
  }

  /// Gives the fields that nothing was carried over for their defaults, and what the migration assigns.
  private func carry(_ data: FrozenSlots, _ map: MigrationMap) throws(ProgramError) -> FrozenSlots {
    evaluator.reset()
    frame.clear()
    frame.load(data, at: FrameLayout.firstField)
    let assigned = Set(map.migration?.assignments.map(\.field) ?? [])
    let known = Set(map.old.fields.map(\.name))
    for (index, field) in map.new.fields.enumerated() where !known.contains(field.name) && !assigned.contains(index) {
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
      try assign(assignment.value, to: assignment.field, map.new.fields[assignment.field])
    }
    do throws(EvaluationError) {
      return try FrozenSlots(copying: frame, range: map.new.keptSlots)
    } catch {
      throw ProgramError(error.message)
    }
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

  /// The first step: new timers and calls of the active states begin.
  private func advance(
    _ carried: Instance, _ carrier: InstanceMigrator, _ now: Int64
  ) throws(ProgramError) -> Migrated {
    let map = carrier.map
    let active = carried.active.ascending
    let kept = Set(carried.timers.map(\.transition))
    let timers = active.flatMap { map.new.states[$0].transitions }.filter {
      map.new.transitions[$0].trigger.isTimer && !kept.contains($0) && !carrier.isKnown(timer: $0)
    }
    let calls = active.flatMap { map.new.states[$0].calls }.filter {
      !map.new.calls[$0].isStep && !carrier.isKnown(call: $0)
    }
    switch interpreter.migrate(carried, timers: timers, calls: calls, now) {
    case .refused(let refusal): throw ProgramError(refusal.message)
    case .accepted(let step):
      return Migrated(step: step, calls: carrier.calls, withdrawn: carrier.withdrawn)
    }
  }
}

extension Interpreter {
  /// Begins what a migrated instance has to do that it had not before, and settles.
  mutating func migrate(_ old: Instance, timers: [Int], calls: [Int], _ now: Int64) -> Outcome {
    var instance = old
    let flow = machine.flows[old.flow]
    begin(instance, flow, .called, now)
    do throws(StepFailure) {
      for transition in timers { try arm(Int32(transition), after: now, flow) }
      for call in calls { try begin(call, flow) }
      // The journal tells all that the instance knows from here on.
      isDataChanged = true
      areResultsChanged = flow.hasCalls
      changed = StateSet(Array(flow.flow.fields.indices))
      try settle(flow)
      let disposition = try commit(.applied, &instance, flow)
      return .accepted(step(disposition, instance))
    } catch {
      return .refused(refusal(error, flow))
    }
  }
}
