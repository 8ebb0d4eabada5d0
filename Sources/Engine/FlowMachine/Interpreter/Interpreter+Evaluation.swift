import CEL
import FlowIR

// Expressions and the values they read.
extension Interpreter {
  @inline(__always)
  mutating func isTrue(_ expression: ExpressionIndex, at location: LocationIndex?) throws(StepFailure) -> Bool {
    if isSelfStale { bindSelf() }
    do throws(EvaluationError) {
      return try evaluator.isTrue(flow.programs, expression.position, frame: frame)
    } catch {
      throw failed(error, in: expression, at: location)
    }
  }

  @inline(__always)
  mutating func evaluate(_ expression: ExpressionIndex, at location: LocationIndex?) throws(StepFailure) -> Slot {
    if isSelfStale { bindSelf() }
    do throws(EvaluationError) {
      return try evaluator.evaluate(flow.programs, expression.position, frame: frame)
    } catch {
      throw failed(error, in: expression, at: location)
    }
  }

  mutating func value(_ expression: ExpressionIndex, at location: LocationIndex?) throws(StepFailure) -> Value {
    evaluator.value(
      try evaluate(expression, at: location), as: flow.sources[expression.position].tree.type)
  }

  mutating func values(_ expressions: RowRange, at location: LocationIndex) throws(StepFailure) -> [Value] {
    var values: [Value] = []
    for index in expressions.range { values.append(try value(ExpressionIndex(index), at: location)) }
    return values
  }

  /// Records the error of an expression.
  mutating func failed(
    _ error: EvaluationError, in expression: ExpressionIndex, at location: LocationIndex?
  ) -> StepFailure {
    problem = error
    return StepFailure(.failed, expression: expression, location: location)
  }

  // MARK: - Names in scope

  func bind(_ caller: Caller) {
    let value = Value.record(
      RecordValue(
        typeName: BuiltInTypes.caller,
        fields: [.init("id", .string(caller.id)), .init("roles", .list(caller.roles.map { .string($0) }))]))
    frame[FrameLayout.caller] = evaluator.slot(value, as: .record(BuiltInTypes.caller))
  }

  /// Binds `self` as it is now: in the exit of a state its children are no longer active.
  private mutating func bindSelf() {
    isSelfStale = false
    let value = Interpreter.selfRecord(key: key, states: flow.leafPaths(active), startedAt: startedAt)
    frame[FrameLayout.selfRecord] = evaluator.slot(value, as: .record(BuiltInTypes.selfRecord))
  }

  static func selfRecord(key: String, states: [String], startedAt: Int64) -> Value {
    .record(
      RecordValue(
        typeName: BuiltInTypes.selfRecord,
        fields: [
          .init("id", .string(key)), .init("state", .string(states.joined(separator: " "))),
          .init("started_at", .timestamp(Timestamp(milliseconds: startedAt))),
        ]))
  }

  /// The `event` of reactions to a failure.
  func failure(code: String, message: String, attempts: Int, call: String) -> Slot {
    let record = RecordValue(
      typeName: BuiltInTypes.failure,
      fields: [
        .init("code", .string(code)), .init("message", .string(message)), .init("attempts", .int(Int64(attempts))),
        .init("call", .string(call)),
      ])
    return evaluator.slot(.record(record), as: .record(BuiltInTypes.failure))
  }
}
