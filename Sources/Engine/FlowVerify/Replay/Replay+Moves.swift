import CEL
import FlowIR
import FlowMachine
import FlowTesting

// The moves that an abstract input stands for.
extension Replay {
  /// Sequences of moves, each of which makes a step of the input.
  /// - Parameter targets: The states that the step leads to; nil for steps that end in a mistake.
  func moves(
    for input: AbstractInput, at state: Int, toward targets: Set<Int>?, _ run: VirtualRun
  ) -> [[RunInput]] {
    switch input {
    case .start(let start): return starts(start, inputSets(input, at: state, toward: targets))
    case .event(let event):
      let sends = inputSets(input, at: state, toward: targets).flatMap { self.sends(event, with: $0, to: run) }
      guard let timer = run.nextTimer, timer.due - run.now > 1 else { return sends.map { [$0] } }
      // Also shortly before the next timer, so that timers of different ages are met.
      return sends.map { [$0] } + sends.prefix(4).map { [RunInput.advance(timer.due - run.now - 1), $0] }
    case .message: return []
    case .timer: return run.nextTimer.map { [[.advance(Swift.max($0.due - run.now, 0))]] } ?? []
    case .result(let call, let isDone), .uncertain(let call, let isDone):
      let target = model.flow.calls[call].target
      guard isDone else { return failures(of: target).map { [$0] } }
      return ends(call, inputSets(input, at: state, toward: targets)).map { [$0] }
    case .item(let call, let isDone):
      guard isDone else { return failures(of: model.flow.calls[call].target).map { [$0] } }
      return ends(call, inputSets(input, at: state, toward: targets)).map { [$0] }
    case .undo(let isDone):
      return Set(model.flow.calls.compactMap { $0.undo?.action }).sorted().flatMap { action -> [[RunInput]] in
        let target = Call.Target.action(action)
        guard isDone else { return failures(of: target).map { [$0] } }
        let value = (stepper.machine.result(of: target).map { anyValue(of: $0) } ?? .null)
          .truncated(to: stepper.machine.resultMaximum(of: target))
        return [[.end(target, .done(value))]]
      }
    }
  }

  private func anyValue(of type: ValueType) -> Value {
    let shape = Shape(type, types: model.types)
    return sampler.values(of: type, shape.leaves.map { ValueKind($0).whole }).first ?? .null
  }

  private func starts(_ index: Int, _ sets: [InputSet]) -> [[RunInput]] {
    switch model.starts[index].start.trigger {
    case .event(let event, _): return sets.flatMap { sends(event, with: $0, to: nil) }.map { [$0] }
    case .called:
      let type = ValueType.record(model.flow.parameters.name)
      return sets.flatMap { sampler.values(of: type, $0.sets) }.map { [.start($0)] }
    case .every, .cron: return []
    }
  }

  private func sends(_ event: EventIndex, with input: InputSet, to run: VirtualRun?) -> [RunInput] {
    let declaration = model.program.events[event]
    var fixed: [String: Value] = [:]
    if let key = model.flow.key, let instance = run?.instance, model.flow.fields[key].type == .string,
      declaration.payload.field(model.flow.fields[key].name)?.type == .string
    {
      fixed[model.flow.fields[key].name] = .string(instance.key)
    }
    var sender = input.sender
    if sender == nil, declaration.isInternal {
      sender = model.emitted[event]?.first.map { model.program.flows[$0].name }
    }
    var found: [RunInput] = []
    let callers = input.callers.isEmpty ? [""] : input.callers
    for payload in sampler.values(of: .record(declaration.name), input.sets, fixed: fixed) {
      // A computed key depends on the payload: an event with another key is for another instance.
      if let instance = run?.instance, let key = stepper.key(of: model.index, in: payload), key != instance.key {
        continue
      }
      for caller in callers {
        found.append(
          .send(event: event, payload: payload, caller: Caller(id: caller, roles: input.roles, flow: sender)))
      }
    }
    return found
  }

  private func ends(_ call: CallIndex, _ sets: [InputSet]) -> [RunInput] {
    let target = model.flow.calls[call].target
    guard let type = stepper.machine.result(of: target) else { return [.end(target, .done(.null))] }
    let leaves = Shape(type, types: model.types).leaves
    let isList = model.calls[call.position].list != nil
    var found: [RunInput] = []
    for set in sets.isEmpty ? [InputSet(sets: [], roles: [], sender: nil, callers: [])] : sets {
      // The parts of the result come first; of a call over a list only its size is known.
      let parts =
        isList || set.sets.count < leaves.count
        ? leaves.map { ValueKind($0).whole } : Array(set.sets.prefix(leaves.count))
      let maximum = stepper.machine.resultMaximum(of: target)
      found += sampler.values(of: type, parts).map { .end(target, .done($0.truncated(to: maximum))) }
    }
    return found
  }

  private func failures(of target: Call.Target) -> [RunInput] {
    let codes = stepper.machine.failureCodes(of: target) + ["TIMEOUT"]
    return codes.map { .end(target, .failed(code: $0, message: "failed by the search", attempts: 1)) }
  }
}
