import CEL
import FlowIR
import FlowJSON

/// Rewrites the two documents of an instance for another version of its flow.
struct InstanceMigrator {
  let map: MigrationMap
  let old: Instance
  let oldMachine: Machine

  /// The calls that continue, by their indices in the old version.
  var calls: [CallIndex: CallIndex] {
    var found: [CallIndex: CallIndex] = [:]
    for index in map.old.calls.indices { found[index] = map.call(index) }
    return found
  }

  /// The completions that the earlier version has raised.
  var completed: [StateIndex] {
    map.old.completed(in: Set(old.active.ascending)).compactMap { map.state(map.old.states[$0].path) }
  }

  /// True if the instance was in a state with `rollback` that corresponds to this one.
  func isRollingBack(in state: StateIndex) -> Bool {
    old.active.ascending.contains { map.old.states[$0].isRollback && map.state(map.old.states[$0].path) == state }
  }

  /// The jobs of pending calls that do not exist in the new version.
  var withdrawn: [JobReference] { old.calls.filter { map.call($0.call) == nil }.map(\.job) }

  /// True if a timer of the new version also existed in the old version. If it is not armed, it has then fired.
  func isKnown(timer: Int) -> Bool {
    map.old.transitions.indices.contains {
      map.old.transitions[$0].trigger.isTimer && map.transition($0) == timer
        && old.active.contains(map.old.transitions[$0].source) && map.isSame(map.new.transitions[timer].source)
    }
  }

  /// True if a call of the new version also existed in the old version. If it is not pending, it has then completed.
  func isKnown(call: CallIndex) -> Bool {
    map.isSame(map.new.calls[call].state) && map.old.calls.indices.contains { map.call($0) == call }
      || old.pendingCalls.contains { map.call($0) == call }
  }

  /// The states of the instance in the new version.
  func migratedStates() throws(MigrationProblem) -> MigratedStates {
    try MigratedStates(of: try states(old.positionJSON(in: oldMachine)["states"]), in: map.new)
  }

  /// The position of the instance in the new version.
  func position(in states: MigratedStates) throws(MigrationProblem) -> JSON {
    let document = old.positionJSON(in: oldMachine)
    var members: [JSON.Member] = [.init("states", paths(states.leaves(in: map.new)))]
    let timers = old.timers.compactMap { timer -> JSON? in
      guard let transition = map.transition(timer.transition) else { return nil }
      var carried = timer
      carried.transition = transition
      return carried.json
    }
    let calls = old.calls.compactMap { pending -> JSON? in
      guard let call = map.call(pending.call) else { return nil }
      var carried = pending
      carried.call = call
      return carried.json
    }
    if !timers.isEmpty { members.append(.init("timers", .array(timers))) }
    if !calls.isEmpty { members.append(.init("calls", .array(calls))) }
    return .object(members + (try extendedState(document)))
  }

  private func paths(_ states: [StateIndex]) -> JSON { .array(states.map { .string(map.new.states[$0].path) }) }

  /// The states that correspond to those of a document.
  private func states(_ json: JSON?) throws(MigrationProblem) -> [StateIndex] {
    var found: [StateIndex] = []
    for path in (json?.array ?? []).compactMap(\.string) {
      guard let state = map.state(path) else {
        throw MigrationProblem(
          message: "the state `\(path)` is gone: write `migrate from \(map.old.version) { state \(path) -> … }`")
      }
      if !found.contains(state) { found.append(state) }
    }
    return found
  }

  /// The extended state. A part without an equivalent in the new version is an error: nothing is dropped silently.
  private func extendedState(_ document: JSON) throws(MigrationProblem) -> [JSON.Member] {
    var members: [JSON.Member] = []
    for member in document.members ?? [] {
      switch member.name {
      case "states", "timers", "calls": continue
      case "history": members.append(.init("history", .object(history(member.value))))
      case "deferred":
        try requireEvents(member.value)
        members.append(member)
      case "lists", "undos", "doubts": members.append(.init(member.name, .array(try renumbered(member))))
      case "stepsBegun", "stepsDone":
        members.append(.init(member.name, .array(try indices(member.value).map { .int(Int64($0.rawValue)) })))
      case "stopped", "rolling": members.append(.init(member.name, paths(try states(member.value))))
      default: members.append(member)
      }
    }
    return members
  }

  /// The histories whose states are still inside of the state that is restored, and don't exclude each other; the first
  /// entry decides otherwise.
  private func history(_ json: JSON) -> [JSON.Member] {
    (json.members ?? []).compactMap { member in
      guard let state = map.state(member.name) else { return nil }
      let inside = state.next..<max(state.next, map.new.states[state].end)
      let leaves = (member.value.array ?? []).compactMap(\.string).compactMap { map.state($0) }.filter(inside.contains)
      guard !leaves.isEmpty, (try? MigratedStates(of: leaves, in: map.new)) != nil else { return nil }
      return .init(map.new.states[state].path, paths(leaves))
    }
  }

  private func requireEvents(_ json: JSON) throws(MigrationProblem) {
    for name in (json.array ?? []).compactMap({ $0["event"]?.string })
    where !map.newProgram.events.contains(where: { $0.name == name }) {
      throw MigrationProblem(message: "a deferred `\(name)` exists, and the new version has no such event")
    }
  }

  /// Compares the values of deferred events and armed undos with the types of the new version.
  /// - Throws: `MigrationProblem` for a value that does not fit, which restoring would drop.
  func requireFittingValues(in machine: Machine) throws(MigrationProblem) {
    for deferred in old.deferred {
      let name = oldMachine.program.events[deferred.event].name
      try require(deferred.payload, fitting: name, in: machine, what: "a deferred `\(name)`")
    }
    for undo in old.extended.undos {
      let name = oldMachine.program.actions[undo.action].name
      guard let new = machine.program.actions.first(where: { $0.name == name }) else {
        throw MigrationProblem(message: "an undo with `\(name)` is armed, and the new version has no such action")
      }
      try require(undo.arguments, fitting: new.parameters.name, in: machine, what: "an armed undo with `\(name)`")
    }
  }

  private func require(
    _ value: Value, fitting record: String, in machine: Machine, what: String
  ) throws(MigrationProblem) {
    let json = value.json(in: oldMachine.types)
    guard case .failure(let mismatches) = Value.from(json, as: .record(record), in: machine.types) else { return }
    let summary = "\(what) does not fit the new version"
    throw MigrationProblem(message: "\(summary): \(mismatches.text)", summary: summary)
  }

  private func indices(_ json: JSON) throws(MigrationProblem) -> [CallIndex] {
    var found: [CallIndex] = []
    for index in (json.array ?? []).compactMap(\.int) { found.append(try call(at: index)) }
    return found
  }

  /// Entries that refer to a call by its number.
  private func renumbered(_ member: JSON.Member) throws(MigrationProblem) -> [JSON] {
    var entries: [JSON] = []
    for entry in member.value.array ?? [] {
      let index = try call(at: entry["call"]?.int ?? -1)
      let members = (entry.members ?? []).map { $0.name == "call" ? .init("call", .int(Int64(index.rawValue))) : $0 }
      entries.append(.object(members))
    }
    return entries
  }

  private func call(at position: Int) throws(MigrationProblem) -> CallIndex {
    guard map.old.calls.elements.indices.contains(position) else {
      throw MigrationProblem(message: "the instance has a call without a name")
    }
    let old = CallIndex(position)
    if let call = map.call(old) { return call }
    throw MigrationProblem(
      message: "the call `\(map.old.calls[old].name)` is missing, and the instance still depends on it")
  }

  /// The data fields of the earlier version, by their names; those of states by the path: `old.asked.token`.
  var oldData: JSON {
    let members = (old.dataJSON(in: oldMachine).members ?? []).filter { !$0.name.hasPrefix("$") }
    var data: JSON = .object(members.filter { !$0.name.contains(".") })
    for member in members where member.name.contains(".") {
      data.insert(member.value, at: member.name.split(separator: ".").map(String.init)[...])
    }
    return data
  }

  /// The name of a field in the earlier version; a field of a state moves with its state.
  private func oldName(of field: DataField) -> String? {
    guard let state = field.state else { return field.name }
    return map.old.fields.first { other in
      guard let owner = other.state, other.plainName == field.plainName else { return false }
      return map.state(map.old.states[owner].path) == state
    }?.name
  }

  /// The data for which the new version has fields and calls, by their names.
  func data(_ machine: Machine) throws(ProgramError) -> JSON {
    let document = old.dataJSON(in: oldMachine)
    let assigned = Set(map.migration?.assignments.map { map.new.fields[$0.field].name } ?? [])
    var members: [JSON.Member] = []
    for field in map.new.fields {
      guard let name = oldName(of: field), let json = document[name] else { continue }
      if let problem = problem(of: json, in: field, machine) {
        if assigned.contains(field.name) { continue }
        throw ProgramError(
          "the field `\(field.name)` \(problem): write `migrate from \(map.old.version) { data "
            + "\(field.name) = … }`"
        )
      }
      members.append(.init(field.name, json))
    }
    members.append(.init("$results", results(document["$results"], machine)))
    return .object(members)
  }

  /// The reason that a field of the new version can't take a value of the earlier one; nil when it can.
  private func problem(of json: JSON, in field: DataField, _ machine: Machine) -> String? {
    guard case .success(let value) = Value.from(json, as: field.type, in: machine.types) else {
      return "has another type"
    }
    return field.maximum.flatMap { value.excess(over: $0) }.map { "holds \($0)" }
  }

  private func results(_ json: JSON?, _ machine: Machine) -> JSON {
    .object(
      (json?.members ?? []).filter { member in
        guard let call = map.new.calls.first(where: { $0.name == member.name }) else { return false }
        if case .success = Value.from(member.value, as: .record(call.resultRecord), in: machine.types) { return true }
        return false
      })
  }
}

extension JSON {
  /// Adds a value at a path of member names. A value that is no object stays.
  fileprivate mutating func insert(_ value: JSON, at path: ArraySlice<String>) {
    guard let name = path.first, var members else { return }
    let index = members.firstIndex { $0.name == name }
    guard path.count > 1 else {
      if index == nil { self = .object(members + [.init(name, value)]) }
      return
    }
    var inner = index.map { members[$0].value } ?? .object([])
    inner.insert(value, at: path.dropFirst())
    if let index { members[index].value = inner } else { members.append(.init(name, inner)) }
    self = .object(members)
  }
}
