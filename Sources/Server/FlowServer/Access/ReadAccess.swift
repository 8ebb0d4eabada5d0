import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime

/// The read rules of flows (`read by`, `read when`), applied to one caller.
///
/// An instance that the caller may not read appears not to exist.
struct ReadAccess: Sendable {
  let caller: Caller
  let programs: ProgramCache
  /// Milliseconds since 1970.
  let clock: @Sendable () -> Int64

  /// Returns true if the caller may read every instance of a flow, for all data.
  func admitsAll(_ entry: Catalogue.Entry) -> Bool { ReadAccess.admitsAll(caller, entry.machine, flow: entry.flow) }

  /// Returns true if the caller may read every instance of a flow, or there is no such flow.
  func admitsAll(flow: String) -> Bool { programs.servedEntry(flow).map(admitsAll) ?? true }

  private static func admitsAll(_ caller: Caller, _ machine: Machine, flow: FlowIndex) -> Bool {
    guard machine.hasReadRules(flow: flow) else { return true }
    let program = machine.program
    return program.flows[flow].readRules.contains { rule in
      rule.condition == nil
        && (rule.roles.isEmpty || rule.roles.contains { caller.roles.contains(program.roles[$0]) })
    }
  }

  /// Returns true if every caller may read every instance of a flow that is served.
  func isOpen(flow: String) -> Bool {
    programs.servedEntry(flow).map { !$0.machine.hasReadRules(flow: $0.flow) } ?? false
  }

  /// Returns true if the caller may read an instance. If its program can't be loaded, the caller has to be permitted to
  /// read all instances of the served flow.
  func admits(_ row: InstanceRow) throws(StoreError) -> Bool {
    guard let machine = try programs.machine(row.definition), let flow = machine.flow(named: row.flow) else {
      return programs.servedEntry(row.flow).map(admitsAll) ?? true
    }
    if ReadAccess.admitsAll(caller, machine, flow: flow) { return true }
    guard let (instance, stepper) = try programs.instance(row) else { return false }
    return stepper.mayRead(instance, caller: caller, now: clock())
  }

  /// Returns true if the caller may read an entry of the journal: according to the current state of its instance.
  func admits(_ entry: JournalEntry, _ queries: any Queries) -> Bool {
    if let served = programs.servedEntry(entry.flow), admitsAll(served) { return true }
    guard let row = (try? queries.instance(flow: entry.flow, key: entry.key)) ?? nil else { return false }
    return (try? admits(row)) ?? false
  }
}

extension FlowService {
  /// The read rules for the caller of a request.
  /// - Throws: 400 for an unknown role.
  func readAccess(_ context: RequestContext) throws(Problem) -> ReadAccess {
    ReadAccess(caller: try caller(context), programs: programs, clock: clock)
  }

  /// Returns true if the caller may see values of all instances of a flow. `send` alone does not permit reading, and
  /// rules that depend on an instance do not admit all.
  func mayReadAll(_ flow: String, _ context: RequestContext) -> Bool {
    guard context.principal.may(.read), context.principal.sees(flow) else { return false }
    guard let entry = catalogue[flow], let access = try? readAccess(context) else { return catalogue[flow] == nil }
    return access.admitsAll(entry)
  }
}
