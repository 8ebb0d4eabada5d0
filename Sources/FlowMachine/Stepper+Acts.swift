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
    case .assign(let slot, let expression):
      frame[slot] = try evaluate(expression, act.place, step)
      step.changedFields.insert(slot - FrameLayout.firstField)
      step.isDataChanged = true
    case .perform(let action, let arguments):
      let job = Job(
        reference: nextJob(&step), action: action, arguments: try record(of: action, arguments, act.place, step))
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

  func readArguments(of call: Int, _ step: inout RunningStep) throws(Refusal) {
    let loaded = step.flow.calls[call]
    let arguments = try record(of: step.flow.flow.calls[call].action ?? 0, loaded.arguments, loaded.place, step)
    var key: String?
    if let once = loaded.once { key = text(try value(once, loaded.place, step)) }
    step.startingCalls.append(StartingCall(call: call, arguments: arguments, once: key))
  }

  /// Puts the outcome of a call into the frame, as `event`, and its result as the call's own slot.
  func bind(_ outcome: CallOutcome, of call: Int, _ step: inout RunningStep) {
    step.answered = call
    switch outcome {
    case .done(let result):
      let type = step.flow.flow.calls[call].resultRecord
      let slot = evaluator.slot(
        .record(RecordValue(typeName: type, fields: [.init("result", result)])), as: .record(type))
      frame[FrameLayout.event] = slot
      frame[step.flow.flow.calls[call].resultSlot] = slot
      step.isDataChanged = true
    case .failed(let code, let message, let attempts):
      let failure = RecordValue(
        typeName: BuiltInTypes.failure,
        fields: [
          .init("code", .string(code)), .init("message", .string(message)), .init("attempts", .int(Int64(attempts))),
          .init("call", .string(step.flow.flow.calls[call].name)),
        ])
      frame[FrameLayout.event] = evaluator.slot(.record(failure), as: .record(BuiltInTypes.failure))
    }
  }

  private func record(
    of action: Int, _ arguments: [LoadedExpression], _ place: Place, _ step: RunningStep
  ) throws(Refusal) -> Value {
    let parameters = machine.program.actions[action].parameters
    var fields: [RecordValue.Field] = []
    for (field, argument) in zip(parameters.fields, arguments) {
      fields.append(.init(field.name, try value(argument, place, step)))
    }
    return .record(RecordValue(typeName: parameters.name, fields: fields))
  }

  private func text(_ value: Value) -> String {
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

  private func value(_ expression: LoadedExpression, _ place: Place, _ step: RunningStep) throws(Refusal) -> Value {
    evaluator.value(try evaluate(expression, place, step), as: expression.source.tree.type)
  }
}
