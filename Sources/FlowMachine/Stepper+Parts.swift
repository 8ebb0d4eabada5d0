import CEL
import FlowIR

// Assigning a part of a field: the field becomes a new value that differs in that part.
extension Stepper {
  func replacing(
    _ part: [LoadedPartStep], of slot: Int, with new: Slot, _ act: LoadedAct, _ expression: LoadedExpression,
    _ step: RunningStep
  ) throws(Refusal) -> Slot {
    let type = step.flow.flow.fields[slot - FrameLayout.firstField].type
    let value = evaluator.value(new, as: expression.source.tree.type)
    let whole = evaluator.value(frame[slot], as: type)
    return evaluator.slot(try replacing(part[...], in: whole, with: value, act, step), as: type)
  }

  private func replacing(
    _ part: ArraySlice<LoadedPartStep>, in whole: Value, with new: Value, _ act: LoadedAct, _ step: RunningStep
  ) throws(Refusal) -> Value {
    guard let first = part.first else { return new }
    let rest = part.dropFirst()
    switch (first, whole) {
    case (.field(let name), .record(var record)):
      guard let index = record.fields.firstIndex(where: { $0.name == name }) else {
        record.fields.append(.init(name, try leaf(rest, new, act, step)))
        return .record(record)
      }
      record.fields[index].value = try replacing(rest, in: record.fields[index].value, with: new, act, step)
      return .record(record)
    case (.field(let name), .map(let map)):
      return .map(try replacing(.string(name), rest, in: map, with: new, act, step))
    case (.index(let expression), .list(var items)):
      guard case .int(let number) = try value(expression, act.place, step), let index = Int(exactly: number),
        items.indices.contains(index)
      else { throw failed("the list has \(items.count) items", act, step) }
      items[index] = try replacing(rest, in: items[index], with: new, act, step)
      return .list(items)
    case (.index(let expression), .map(let map)):
      return .map(try replacing(try value(expression, act.place, step), rest, in: map, with: new, act, step))
    default: throw failed("a \(whole.typeName) has no such part", act, step)
    }
  }

  /// A map with one entry other than before, or one more.
  private func replacing(
    _ key: Value, _ rest: ArraySlice<LoadedPartStep>, in old: MapValue, with new: Value, _ act: LoadedAct,
    _ step: RunningStep
  ) throws(Refusal) -> MapValue {
    var map = old
    if let index = map.entries.firstIndex(where: { $0.key == key }) {
      map.entries[index].value = try replacing(rest, in: map.entries[index].value, with: new, act, step)
    } else {
      map.entries.append(.init(key, try leaf(rest, new, act, step)))
    }
    return map
  }

  /// What is not there yet can be added, but nothing inside of it be changed.
  private func leaf(
    _ rest: ArraySlice<LoadedPartStep>, _ new: Value, _ act: LoadedAct, _ step: RunningStep
  ) throws(Refusal) -> Value {
    guard rest.isEmpty else { throw failed("there is nothing yet whose part could be assigned", act, step) }
    return new
  }

  private func failed(_ message: String, _ act: LoadedAct, _ step: RunningStep) -> Refusal {
    refusal(.failed(message, act.place), step)
  }
}
