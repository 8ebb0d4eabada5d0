import CEL
import FlowIR
import FlowJSON
import FlowSource

extension Interpreter {
  mutating func perform(_ acts: RowRange, _ flow: LoadedFlow) throws(StepFailure) {
    for index in acts.range {
      let act = flow.acts[index]
      guard act.loop != none else {
        try performOnce(act, flow)
        continue
      }
      // A list is a value: what the body assigns does not change what is iterated.
      let items = try evaluate(act.loop, act.place, flow)
      for item in 0..<(evaluator.count(items) ?? 0) {
        frame[Int(act.loopSlot)] = evaluator.element(items, item)
        try performOnce(act, flow)
      }
    }
  }

  private mutating func performOnce(_ act: ActionStatementRow, _ flow: LoadedFlow) throws(StepFailure) {
    if act.condition != none, try !isTrue(act.condition, act.place, flow) { return }
    let first = act.value.start
    switch act.kind {
    case .assign:
      let value = try evaluate(first, act.place, flow)
      assign(value, to: Int(act.index))
    case .assignPart:
      let value = try evaluate(first, act.place, flow)
      assign(try replacing(frame[Int(act.index)], act.parts.range, value, act, flow), to: Int(act.index))
    case .perform:
      let values = try values(act.value, act.place, flow)
      let arguments = record(of: .action(Int(act.index)), values)
      effects.append(.job(Job(reference: nextJob(), target: .action(Int(act.index)), arguments: arguments)))
    case .emit: effects.append(.emit(event: Int(act.index), payload: try value(first, act.place, flow)))
    case .raise: queue.append(.raised(Int(act.index), try evaluate(first, act.place, flow)))
    case .log: effects.append(.log(text(try value(first, act.place, flow))))
    }
  }

  @inline(__always)
  private mutating func assign(_ value: Slot, to slot: Int) {
    frame[slot] = value
    changed.insert(slot - FrameLayout.firstField)
    isDataChanged = true
  }

  /// A value with a part replaced, from the outside in and back.
  private mutating func replacing(
    _ whole: Slot, _ path: Range<Int>, _ value: Slot, _ act: ActionStatementRow, _ flow: LoadedFlow
  ) throws(StepFailure) -> Slot {
    guard let first = path.first else { return value }
    let part = flow.parts[first]
    let rest = path.dropFirst()
    do throws(EvaluationError) {
      if part.field != none {
        let old = evaluator.field(whole, Int(part.field))
        let new = try replaced(old, rest, value, act, flow)
        return try evaluator.replacing(whole, field: Int(part.field), with: new)
      }
      let key =
        part.index != none
        ? try evaluator.evaluate(flow.programs, Int(part.index), frame: frame)
        : evaluator.slot(.string(flow.names[Int(part.name)]), as: .string)
      let old = rest.isEmpty ? Slot.unset : try evaluator.element(of: whole, at: key)
      return try evaluator.replacing(whole, key: key, with: try replaced(old, rest, value, act, flow))
    } catch {
      throw failed(error, act.value.start, act.place)
    }
  }

  private mutating func replaced(
    _ whole: Slot, _ path: Range<Int>, _ value: Slot, _ act: ActionStatementRow, _ flow: LoadedFlow
  ) throws(EvaluationError) -> Slot {
    do throws(StepFailure) {
      return try replacing(whole, path, value, act, flow)
    } catch {
      throw problem ?? EvaluationError("the part can't be assigned", at: flow.sources[Int(act.value.start)].tree.range)
    }
  }

  /// The arguments of an action or a flow as a record.
  mutating func record(of target: Call.Target, _ values: [Value]) -> Value {
    let parameters = machine.parameters(of: target)
    return .record(
      RecordValue(typeName: parameters.name, fields: zip(parameters.fields, values).map { .init($0.name, $1) }))
  }

  mutating func nextJob() -> JobReference {
    defer { jobs += 1 }
    return JobReference(revision: revision + 1, number: jobs)
  }

  mutating func text(_ value: Value) -> String {
    if case .string(let text) = value { return text }
    return value.json(in: machine.types).text()
  }
}
