import CEL
public import FlowIR
public import FlowJSON
public import FlowMachine

extension VirtualSystem {
  /// Adds an instance that is migrated from an earlier version, of which only the states and the data are known.
  /// - Throws: `MigrationProblem` when it can't be migrated, or its key is taken.
  public mutating func migrate(
    states: [String], data: JSON, of flow: FlowIndex, from version: Int
  ) throws(MigrationProblem) {
    let migrated = try stepper.migrate(states: states, data: data, of: flow, from: version, now: now)
    let field = program.flows[flow].key
    var name = Name(flow: flow, key: isIsolated ? "1" : newKey(of: flow))
    if let field, case .string(let key)? = migrated.step.next.value(ofField: field, in: machine) { name.key = key }
    guard isIsolated || members[name] == nil else {
      throw MigrationProblem(message: "\(text(of: name)) exists already")
    }
    if isIsolated { (members, schedules) = (MemberTable(), VirtualSchedules()) }
    add(name, migrated.step)
    record(.accepted(migrated.step), of: name, .call, cause: "migrated from version \(version)")
    settle()
  }
}
