/// What messages keep of the values that are assigned to their fields.
extension Evaluator {
  func store(_ value: Slot, _ field: FieldDeclaration) -> Slot {
    guard field.presence == .always else { return fail("messages are not supported here") }
    if case .optional(let inner) = field.type, value.tag != .optional, conforms(value, inner) {
      return makeOptional(value)
    }
    return value
  }

  /// Messages that stand for other values; nil for all others.
  func makeWellKnown(_ type: RecordDeclaration, _ fields: [Int], _ values: UnsafeMutablePointer<Slot>) -> Slot? { nil }
}
