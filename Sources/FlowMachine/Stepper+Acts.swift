import CEL
import FlowIR
import FlowSource

extension Stepper {
  func perform(_ acts: [LoadedAct], _ step: inout RunningStep) throws(Refusal) {
    for act in acts {
      guard let list = act.loopList else {
        try performOnce(act, &step)
        continue
      }
      // A list is a value: what the body assigns does not change what is iterated.
      let items = try evaluate(list, act.place, step)
      for index in 0..<(evaluator.count(items) ?? 0) {
        frame[act.loopSlot] = evaluator.element(items, index)
        try performOnce(act, &step)
      }
    }
  }

  private func performOnce(_ act: LoadedAct, _ step: inout RunningStep) throws(Refusal) {
    if let condition = act.condition, try !isTrue(condition, act.place, step) { return }
    switch act.kind {
    case .assign(let slot, let part, let expression):
      let value = try evaluate(expression, act.place, step)
      frame[slot] = part.isEmpty ? value : try replacing(part, of: slot, with: value, act, expression, step)
      step.changedFields.insert(slot - FrameLayout.firstField)
      step.isDataChanged = true
    case .perform(let action, let arguments):
      let job = Job(
        reference: nextJob(&step), target: .action(action),
        arguments: try record(of: .action(action), arguments, act.place, step))
      step.effects.append(.job(job))
    case .emit(let event, let expression):
      let payload = try value(expression, act.place, step)
      step.effects.append(.emit(event: event, payload: payload))
    case .raise(let event, let expression):
      step.queue.append(.raised(event, try evaluate(expression, act.place, step)))
    case .log(let expression):
      step.effects.append(.log(text(try value(expression, act.place, step))))
    }
  }

  func record(
    of target: Call.Target, _ arguments: [LoadedExpression], _ place: Place, _ step: RunningStep
  ) throws(Refusal) -> Value {
    let parameters = machine.parameters(of: target)
    var fields: [RecordValue.Field] = []
    for (field, argument) in zip(parameters.fields, arguments) {
      fields.append(.init(field.name, try value(argument, place, step)))
    }
    return .record(RecordValue(typeName: parameters.name, fields: fields))
  }

  func text(_ value: Value) -> String {
    if case .string(let text) = value { return text }
    return value.json(in: machine.types).text()
  }

  // MARK: - Evaluation

  func isTrue(_ expression: LoadedExpression, _ place: Place, _ step: RunningStep) throws(Refusal) -> Bool {
    do throws(EvaluationError) {
      return try evaluator.isTrue(expression.code, frame: frame)
    } catch {
      throw failed(expression, error, place, step)
    }
  }

  func evaluate(_ expression: LoadedExpression, _ place: Place, _ step: RunningStep) throws(Refusal) -> Slot {
    do throws(EvaluationError) {
      return try evaluator.evaluate(expression.code, frame: frame)
    } catch {
      throw failed(expression, error, place, step)
    }
  }

  func value(_ expression: LoadedExpression, _ place: Place, _ step: RunningStep) throws(Refusal) -> Value {
    evaluator.value(try evaluate(expression, place, step), as: expression.source.tree.type)
  }
}
