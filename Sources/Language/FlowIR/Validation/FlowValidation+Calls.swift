import CEL

extension FlowValidation {
  func call(_ index: CallIndex) throws(ProgramError) {
    let call = flow.calls[index]
    try require(flow.states.indices.contains(call.state), "state of a call")
    try require(
      call.resultSlot >= FrameLayout.firstField + flow.fields.count && flow.keptSlots.contains(call.resultSlot),
      "slot of a call")
    try require(program.types.contains { $0.name == call.resultRecord }, "result of a call")
    switch call.target {
    case .action(let action):
      try require(program.actions.indices.contains(action), "action of a call")
      try require(call.arguments.count == program.actions[action].parameters.fields.count, "arguments of a call")
    case .flow(let target):
      try require(program.flows.indices.contains(target) && program.flows[target].isCallable, "flow of a call")
      try require(call.arguments.count == program.flows[target].parameterCount, "arguments of a call")
    }
    if let loop = call.loop {
      try require(flow.keptSlots.upperBound..<flow.frameSize ~= loop.slot, "slot of a loop")
    }
    try require(call.limit.map { $0.tree.type == .int } ?? true, "limit of a call")
    try require(call.once.map { $0.tree.type == .string } ?? true, "key of a call")
    try require(call.priority.map { $0.tree.type == .int } ?? true, "priority of a call")
    try condition(call.condition)
    if let undo = call.undo {
      try require(program.actions.indices.contains(undo.action), "undo")
      try require(undo.arguments.count == program.actions[undo.action].parameters.fields.count, "arguments of an undo")
    }
    try require(call.isStep || call.after.isEmpty && call.condition == nil, "step")
    try require(
      call.after.allSatisfy { $0 >= 0 && $0 < index && flow.calls[$0].state == call.state && flow.calls[$0].isStep },
      "step")
  }

  /// A call over a list with reactions to its items.
  func items(of index: CallIndex, isDone: Bool) throws(ProgramError) {
    try require(flow.calls.indices.contains(index) && flow.calls[index].loop != nil, "call of a transition")
    let record = isDone ? flow.calls[index].itemRecord : BuiltInTypes.itemFailure
    let members = isDone ? ["index", "result"] : ["index", "code", "message", "attempts"]
    try require(
      program.types.contains { $0.name == record && $0.fields.map(\.name) == members }, "result of an item")
  }

  /// Properties and migrations.
  func promises() throws(ProgramError) {
    for property in flow.properties {
      switch property {
      case .never(let states): try require(states.allSatisfy(isTarget), "property")
      case .leadsTo(let from, let to): try require(isTarget(from) && isTarget(to), "property")
      }
    }
    for migration in flow.migrations {
      try require(migration.moves.allSatisfy { isTarget($0.to) }, "migration")
      try require(migration.assignments.allSatisfy { flow.fields.indices.contains($0.field) }, "migration")
    }
    try require(0...flow.fields.count ~= flow.parameterCount, "parameters")
    for state in flow.states where state.result != nil {
      try require(state.kind == .final && flow.result != nil, "result of a state")
    }
  }

  /// The fields of states follow those of the flow; each begins with the path of its state.
  func stateFields() throws(ProgramError) {
    for field in flow.fields.dropFirst(flow.ownFields.count) {
      guard let state = field.state else { throw ProgramError("the flow `\(flow.name)` has a wrong field of a state") }
      try require(isTarget(state), "state of a field")
      try require(field.name == "\(flow.states[state].path).\(field.plainName)", "name of a field of a state")
    }
    try require(flow.parameterCount <= flow.ownFields.count, "parameters")
    try require(flow.key.map { $0 < flow.ownFields.count } ?? true, "key")
  }

  func arguments(_ arguments: [StateArgument], of target: StateIndex?) throws(ProgramError) {
    for argument in arguments {
      try require(flow.fields.indices.contains(argument.field), "argument of a state")
      try require(target != nil && flow.fields[argument.field].state == target, "argument of a state")
    }
    try require(Set(arguments.map(\.field)).count == arguments.count, "argument of a state")
  }
}
