/// Conversion of dynamic values to an expected type.
extension Evaluator {
  /// The value as the program's type `index`, wrapped when that is optional; an error when it is something else.
  func coerce(_ value: Slot, to index: Int) -> Slot {
    let type = coercionType(index)
    if case .optional(let inner) = type, value.tag != .optional {
      return conforms(value, inner) ? makeOptional(value) : mismatch(value, type)
    }
    return conforms(value, type) ? value : mismatch(value, type)
  }

  private func mismatch(_ value: Slot, _ type: ValueType) -> Slot {
    let found = value.tag == .record || value.tag == .enumeration ? typeName(value) : "\(value.tag)"
    return fail(
      found == type.description
        ? "a part of the value is not of type `\(type)`"
        : "expected `\(type)`, found `\(found)`")
  }

  /// Checks that a value is of a type, down to its last element.
  func conforms(_ value: Slot, _ type: ValueType) -> Bool {
    charge(1)
    guard fuel > 0 else { return false }
    switch (type, value.tag) {
    case (.dyn, _), (.error, _), (.parameter, _): return true
    case (.null, .null), (.bool, .bool), (.int, .int), (.uint, .uint), (.double, .double), (.string, .string),
      (.bytes, .bytes), (.timestamp, .timestamp), (.duration, .duration), (.type, .type), (.wrapper, .null):
      return true
    case (.wrapper(let inner), _): return conforms(value, inner)
    case (.list(let element), .list): return !element.needsLook || value.elements.allSatisfy { conforms($0, element) }
    case (.map(let key, let content), .map):
      let entries = value.elements
      return (0..<Int(value.count)).allSatisfy {
        conforms(entries[2 * $0], key) && conforms(entries[2 * $0 + 1], content)
      }
    case (.optional(let inner), .optional): return value.content.map { conforms($0, inner) } ?? true
    case (.record(let name), .record): return types.recordIndex(name) == Int(value.extra)
    case (.enumeration(let name), .enumeration): return types.enumIndex(name) == Int(value.extra)
    case (.opaque("net.IP", _), .ip), (.opaque("net.CIDR", _), .cidr): return true
    default: return false
    }
  }
}

extension ValueType {
  fileprivate var needsLook: Bool { self != .dyn }
}
