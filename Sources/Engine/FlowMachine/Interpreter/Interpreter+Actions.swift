import CEL
import FlowIR
import FlowJSON
import FlowSource

// The statements of reactions, `entry` and `exit`.
extension Interpreter {
  mutating func perform(_ statements: RowRange) throws(StepFailure) {
    for index in statements.range {
      let statement = flow.statements[index]
      guard let list = statement.loop.wrapped else {
        try performOnce(statement)
        continue
      }
      // A list is a value: assignments in the body do not change the iteration.
      let items = try evaluate(list, at: statement.location)
      for item in 0..<(try count(items, in: list, at: statement.location)) {
        frame[Int(statement.loopSlot)] = evaluator.element(items, item)
        try performOnce(statement)
      }
    }
  }

  /// The number of elements of a list.
  /// - Throws: `StepFailure` when a value of type `dyn` is not a list.
  mutating func count(
    _ items: Slot, in expression: ExpressionIndex, at location: LocationIndex
  ) throws(StepFailure) -> Int {
    if items.tag == .list, let count = evaluator.count(items) { return count }
    let range = flow.sources[expression.position].tree.range
    throw failed(EvaluationError("`for` needs a list", at: range), in: expression, at: location)
  }

  private mutating func performOnce(_ statement: ActionStatementRow) throws(StepFailure) {
    let location = statement.location
    if let condition = statement.condition.wrapped, try !isTrue(condition, at: location) { return }
    switch statement.kind {
    case .assign:
      let value = try evaluate(statement.firstValue, at: location)
      assign(value, to: Int(statement.index))
    case .assignPart:
      let value = try evaluate(statement.firstValue, at: location)
      let whole = frame[Int(statement.index)]
      let new = try replacing(whole, path: statement.parts.range, with: value, in: statement)
      try requireBound(of: new, in: statement)
      assign(new, to: Int(statement.index))
    case .perform:
      let action = Int(statement.index)
      let arguments = record(of: .action(action), try values(statement.value, at: location))
      effects.append(.job(Job(reference: nextJob(), target: .action(action), arguments: arguments)))
    case .emit:
      let event = EventIndex(rawValue: statement.index)
      let payload = try value(statement.firstValue, at: location)
      effects.append(.emit(event: event, payload: payload, to: statement.receivers.wrapped))
    case .raise:
      let event = EventIndex(rawValue: statement.index)
      queue.append(.raised(event, try evaluate(statement.firstValue, at: location)))
    case .log: effects.append(.log(text(try value(statement.firstValue, at: location))))
    }
  }

  @inline(__always)
  private mutating func assign(_ value: Slot, to slot: Int) {
    frame[slot] = value
    changed.insert(slot - FrameLayout.firstField)
    isDataChanged = true
  }

  /// Checks the size of a value of which a part was replaced.
  private mutating func requireBound(of value: Slot, in statement: ActionStatementRow) throws(StepFailure) {
    guard let bound = flow.flow.fields[Int(statement.index) - FrameLayout.firstField].bound else { return }
    do throws(EvaluationError) {
      try evaluator.require(value, within: bound)
    } catch {
      throw failed(error, in: statement.firstValue, at: statement.location)
    }
  }

  /// Replaces a part of a value.
  private mutating func replacing(
    _ whole: Slot, path: Range<Int>, with value: Slot, in statement: ActionStatementRow
  ) throws(StepFailure) -> Slot {
    guard let first = path.first else { return value }
    let rest = path.dropFirst()
    do throws(EvaluationError) {
      let key: Slot
      switch flow.parts[first] {
      case .field(let field):
        let new = try replacingPart(evaluator.field(whole, field), path: rest, with: value, in: statement)
        return try evaluator.replacing(whole, field: field, with: new)
      case .index(let index): key = try evaluator.evaluate(flow.programs, index.position, frame: frame)
      case .entry(let index):
        key = try evaluator.evaluate(flow.programs, index.position, frame: frame)
        return try evaluator.setting(whole, key: key, to: value)
      case .name(let name): key = evaluator.slot(.string(flow.names[name]), as: .string)
      }
      let old = rest.isEmpty ? Slot.unset : try evaluator.element(of: whole, at: key)
      return try evaluator.replacing(
        whole, key: key, with: try replacingPart(old, path: rest, with: value, in: statement))
    } catch {
      throw failed(error, in: statement.firstValue, at: statement.location)
    }
  }

  private mutating func replacingPart(
    _ whole: Slot, path: Range<Int>, with value: Slot, in statement: ActionStatementRow
  ) throws(EvaluationError) -> Slot {
    do throws(StepFailure) {
      return try replacing(whole, path: path, with: value, in: statement)
    } catch {
      let range = flow.sources[statement.firstValue.position].tree.range
      throw problem ?? EvaluationError("the part can't be assigned", at: range)
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
