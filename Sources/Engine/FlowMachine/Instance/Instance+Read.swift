public import CEL
public import FlowIR

extension Instance {
  /// The value of a data field by its index; nil when it was never assigned.
  public func value(ofField field: Int, in machine: Machine) -> Value? {
    field < data.count ? data.value(at: field, types: machine.types) : nil
  }

  /// The instance without a timer whose step has failed.
  public func withoutTimer(_ timer: ArmedTimer) -> Instance {
    var copy = self
    copy.timers.removeAll { $0 == timer }
    return copy
  }
}

extension Stepper {
  /// The innermost active states of an instance, as paths in document order.
  public func leafPaths(of instance: Instance) -> [String] { machine.flows[instance.flow].leafPaths(instance.active) }

  /// The events that an instance handles, ignores or defers in its active states.
  /// - Parameter includesInternal: Also those that only flows emit or raise.
  public func acceptedEvents(of instance: Instance, includesInternal: Bool = false) -> [String] {
    guard instance.status == .running else { return [] }
    return machine.acceptedEvents(
      in: instance.active, of: machine.flows[instance.flow], includesInternal: includesInternal)
  }

  /// The result of every reaction to an event, innermost state first.
  public func explain(
    _ instance: Instance, event: EventIndex, payload: Value, caller: Caller, now: Int64
  ) -> [CandidateResult] {
    guard machine.program.events.indices.contains(event) else { return [] }
    return interpreter.explain(instance, event: event, payload: payload, caller: caller, now: now)
  }

  /// The transitions that could react to an event but whose guard is false, by index, without an explanation.
  /// - Parameter known: Transitions that are left out.
  public func falseGuards(
    _ instance: Instance, event: EventIndex, payload: Value, caller: Caller, now: Int64, except known: TransitionSet
  ) -> [Int] {
    guard machine.program.events.indices.contains(event) else { return [] }
    let flow = machine.flows[instance.flow]
    let guarded = flow.reactions(to: event, in: instance.active).map(\.transition)
      .filter { flow.transitions[$0].condition.wrapped != nil && !known.contains($0) }
    guard !guarded.isEmpty else { return [] }
    return interpreter.falseGuards(guarded, instance, event: event, payload: payload, caller: caller, now: now)
  }

  /// Returns true if a condition compares data of an instance with constants, and is true. False does not mean that it
  /// is false: it has to be evaluated.
  public func isPlainlyTrue(_ condition: SourcedExpression, over instance: Instance) -> Bool {
    evaluator.reset()
    return evaluator.isPlainlyTrue(condition.tree, over: instance.data, at: FrameLayout.firstField)
  }

  /// Evaluates an expression over the data of an instance, or over nothing.
  public func evaluate(
    _ expression: SourcedExpression, over instance: Instance?, now: Int64
  ) -> Result<Value, EvaluationError> {
    if let value = expression.tree.literal(in: machine.types) { return .success(value) }
    evaluator.reset()
    frame.clear()
    frame[FrameLayout.now] = evaluator.slot(.timestamp(Timestamp(milliseconds: now)), as: .timestamp)
    if let instance {
      frame.load(instance.data, at: FrameLayout.firstField)
      if expression.tree.usedSlots.contains(FrameLayout.selfRecord) { bindSelf(instance) }
    }
    do throws(EvaluationError) {
      let code = try code(expression)
      return .success(evaluator.value(try evaluator.evaluate(code, frame: frame), as: expression.tree.type))
    } catch {
      return .failure(error)
    }
  }

  /// The expression with the value of each of its parts.
  public func explain(_ expression: SourcedExpression, over instance: Instance, now: Int64) -> ExplainedExpression? {
    evaluator.reset()
    frame.clear()
    frame[FrameLayout.now] = evaluator.slot(.timestamp(Timestamp(milliseconds: now)), as: .timestamp)
    frame.load(instance.data, at: FrameLayout.firstField)
    guard let code = try? code(expression) else { return nil }
    return ExplainedExpression(source: expression, explanation: evaluator.explain(code, frame: frame))
  }

  func bindSelf(_ instance: Instance) {
    let value = Interpreter.selfRecord(
      key: instance.key, states: leafPaths(of: instance), startedAt: instance.startedAt)
    frame[FrameLayout.selfRecord] = evaluator.slot(value, as: .record(BuiltInTypes.selfRecord))
  }

  private func code(_ expression: SourcedExpression) throws(EvaluationError) -> ExpressionProgram {
    do throws(LoadError) {
      return try ExpressionProgram(expression.tree, types: machine.types)
    } catch {
      throw EvaluationError(error.message, at: expression.tree.range)
    }
  }
}
