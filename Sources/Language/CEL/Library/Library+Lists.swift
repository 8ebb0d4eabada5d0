extension Evaluator {
  func listFunction(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    if arguments.builtin == .range { return a.tag == .int ? range(a.asInt) : noOverload(arguments) }
    guard a.tag == .list else { return noOverload(arguments) }
    charge(Int(a.count))
    switch (arguments.builtin, arguments.count) {
    case (.first, 1): return a.count == 0 ? .none : makeOptional(a.elements[0])
    case (.last, 1): return a.count == 0 ? .none : makeOptional(a.elements[Int(a.count) - 1])
    case (.reverse, 1): return makeList(a.elements.reversed())
    case (.distinct, 1): return distinct(a)
    case (.flatten, 1): return flatten(a, depth: 1)
    case (.flatten, 2):
      guard arguments[1].tag == .int, arguments[1].asInt >= 0 else { return fail("`flatten` needs a depth from 0 on") }
      return flatten(a, depth: arguments[1].asInt)
    case (.slice, 3): return slice(arguments, a)
    case (.sort, 1): return sort(a, by: a, arguments)
    case (.sortByKeys, 2): return sort(a, by: arguments[1], arguments)
    case (.sum, 2): return sum(a, zero: arguments[1], arguments: arguments)
    case (.min, 1), (.max, 1): return extreme(a, arguments)
    default: return noOverload(arguments)
    }
  }

  private func range(_ count: Int64) -> Slot {
    guard count >= 0, count < limits.valueBytes / 16 else { return fail("`lists.range` needs a number from 0 on") }
    charge(Int(count))
    return fuel > 0 ? makeList((0..<count).map { .int($0) }) : fail("too many elements")
  }

  private func distinct(_ list: Slot) -> Slot {
    var kept: [Slot] = []
    for element in list.elements where fuel > 0 && !kept.contains(where: { areEqual($0, element) }) {
      kept.append(element)
    }
    return makeList(kept)
  }

  private func flatten(_ list: Slot, depth: Int64) -> Slot {
    var out: [Slot] = []
    append(list, depth: depth, to: &out)
    return makeList(out)
  }

  private func append(_ list: Slot, depth: Int64, to out: inout [Slot]) {
    for element in list.elements {
      charge(1)
      guard fuel > 0 else { return }
      if element.tag == .list, depth > 0 {
        append(element, depth: depth - 1, to: &out)
      } else {
        out.append(element)
      }
    }
  }

  private func slice(_ arguments: Arguments, _ list: Slot) -> Slot {
    guard arguments[1].tag == .int, arguments[2].tag == .int else { return noOverload(arguments) }
    let (start, end) = (arguments[1].asInt, arguments[2].asInt)
    guard start >= 0, start <= end, end <= list.count else {
      return fail("there is no slice from \(start) to \(end) of \(counted(Int(list.count), "element"))")
    }
    return makeList(Array(list.elements[Int(start)..<Int(end)]))
  }

  private func sort(_ list: Slot, by keys: Slot, _ arguments: Arguments) -> Slot {
    guard keys.tag == .list, keys.count == list.count else { return noOverload(arguments) }
    let sorting = Array(keys.elements)
    for key in sorting where order(sorting[0], key) == nil && !(isNumber(key) && isNumber(sorting[0])) {
      return fail("`\(sorting[0].tag)` and `\(key.tag)` have no common order")
    }
    charge(sorting.count * 4)
    let sorted = sorting.indices.sorted { left, right in
      let order = order(sorting[left], sorting[right]) ?? 0
      return order == 0 ? left < right : order < 0
    }
    return makeList(sorted.map { list.elements[$0] })
  }

  private func sum(_ list: Slot, zero: Slot, arguments: Arguments) -> Slot {
    var total = list.count == 0 ? zero : list.elements[0]
    guard isNumber(total) || total.tag == .duration else { return noOverload(arguments) }
    for element in list.elements.dropFirst() {
      pair[0] = total
      pair[1] = element
      total = arithmetic(Arguments(builtin: .add, start: pair, count: 2))
      if total.isAbnormal { return total }
    }
    return total
  }

  private func extreme(_ list: Slot, _ arguments: Arguments) -> Slot {
    guard list.count > 0 else { return fail("an empty list has no `\(arguments.builtin.displayName)`") }
    var best = list.elements[0]
    for element in list.elements {
      guard let order = order(element, best) else {
        if isNumber(element), isNumber(best) { continue }
        return fail(.noOverload(arguments.builtin, [best.tag, element.tag]))
      }
      if arguments.builtin == .min ? order < 0 : order > 0 { best = element }
    }
    return best
  }

  // MARK: Sets

  func setFunction(_ arguments: Arguments) -> Slot {
    guard arguments.have(.list, .list) else { return noOverload(arguments) }
    let (a, b) = (arguments[0], arguments[1])
    switch arguments.builtin {
    case .setsContains: return .bool(holds(a, all: b))
    case .setsEquivalent: return .bool(holds(a, all: b) && holds(b, all: a))
    default:
      return .bool(a.elements.contains { element in fuel > 0 && b.elements.contains { areEqual(element, $0) } })
    }
  }

  private func holds(_ list: Slot, all wanted: Slot) -> Bool {
    wanted.elements.allSatisfy { element in fuel > 0 && list.elements.contains { areEqual($0, element) } }
  }

  // MARK: Optionals

  func optionalFunction(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    switch (arguments.builtin, arguments.count) {
    case (.optionalNone, 0): return .none
    case (.optionalOf, 1): return makeOptional(a)
    case (.optionalOfNonZero, 1): return isZero(a) ? .none : makeOptional(a)
    case (.unwrap, 1), (.unwrapOpt, 1):
      guard a.tag == .list, a.elements.allSatisfy({ $0.tag == .optional }) else { return noOverload(arguments) }
      return makeList(a.elements.compactMap(\.content))
    default: break
    }
    guard a.tag == .optional, arguments.count == 1 else { return noOverload(arguments) }
    if arguments.builtin == .hasValue { return .bool(a.content != nil) }
    return arguments.builtin == .value ? a.content ?? fail("the optional value is absent") : noOverload(arguments)
  }

  private func isZero(_ slot: Slot) -> Bool {
    switch slot.tag {
    case .null: true
    case .bool, .int, .uint, .duration, .enumeration: slot.payload == 0
    case .double: slot.asDouble == 0
    case .string, .bytes, .list, .map: slot.count == 0
    case .timestamp: slot.payload == 0 && slot.count == 0
    case .record: slot.elements.allSatisfy(\.isUnset)
    case .optional: slot.content == nil
    default: false
    }
  }
}
