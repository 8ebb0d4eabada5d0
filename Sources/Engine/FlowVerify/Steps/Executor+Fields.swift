import CEL
import FlowIR
import FlowMachine

// The fields of states, as `Interpreter` sets and clears them.
extension Executor {
  /// Evaluates the arguments of a transition or a start, before any state is left.
  func evaluate(_ arguments: [ArgumentModel], at location: SourceLocation) throws(PathStop) {
    for argument in arguments { given[argument.field] = try evaluate(argument.value, at: location) }
  }

  func initializeFields(_ fields: [Int], isRestored: Bool) throws(PathStop) {
    for field in fields {
      let slot = FrameLayout.firstField + field
      if let value = given[field] {
        assign(value, to: slot)
      } else if isRestored, isSet(field) {
        continue
      } else if let node = model.defaults[field] {
        assign(try evaluate(node, at: model.flow.location), to: slot)
      }
    }
  }

  private func isSet(_ field: Int) -> Bool {
    let (shape, first) = layout.slots[field]
    return shape.leaves.isEmpty || set(of: environment[first]) != .unset
  }

  /// Clears the fields of the states that were left, unless a history keeps them.
  func clearFields() {
    for state in left where !isKept(state) {
      for field in model.states[state.position].fields { clear(field) }
    }
    left.removeAll()
  }

  private func clear(_ field: Int) {
    let (shape, first) = layout.slots[field]
    for (offset, type) in shape.leaves.enumerated() {
      let number = symbolSets.count
      symbolSets.append(.unset)
      freeSymbols.append(false)
      environment[first + offset] = terms.symbol(number, kind: ValueKind(type))
    }
    isDataChanged = true
  }

  private func isKept(_ state: StateIndex) -> Bool {
    var around = state
    while around != .root {
      if model.remembered.contains(around), !isActive(around) { return true }
      around = model.states[around.position].state.parent
    }
    return false
  }
}
