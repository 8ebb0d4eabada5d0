import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime

/// The read rules of flows (`read by`, `read when`), applied to one caller.
///
/// An instance that the caller may not read looks as if it did not exist.
struct ReadAccess: Sendable {
  let caller: Caller
  let programs: ProgramCache
  /// Milliseconds since 1970.
  let clock: @Sendable () -> Int64

  /// Whether the caller may read every instance of a flow, whatever its data.
  func admitsAll(_ entry: Catalogue.Entry) -> Bool { ReadAccess.admitsAll(caller, entry.machine, flow: entry.flow) }

  private static func admitsAll(_ caller: Caller, _ machine: Machine, flow: FlowIndex) -> Bool {
    let program = machine.program
    let rules = program.flows[flow].readRules
    return rules.isEmpty
      || rules.contains { rule in
        rule.condition == nil
          && (rule.roles.isEmpty || rule.roles.contains { caller.roles.contains(program.roles[$0]) })
      }
  }

  /// Whether the caller may read an instance. One whose program can't be loaded is read like those of a flow without
  /// rules only if the flow that is served has none.
  func admits(_ row: InstanceRow) throws(StoreError) -> Bool {
    guard let machine = try programs.machine(row.definition), let flow = machine.flow(named: row.flow) else {
      return programs.servedEntry(row.flow).map(admitsAll) ?? true
    }
    if ReadAccess.admitsAll(caller, machine, flow: flow) { return true }
    guard let (instance, stepper) = try programs.instance(row) else { return false }
    return stepper.mayRead(instance, caller: caller, now: clock())
  }

  /// Whether the caller may read an entry of the journal: by its instance, as it is now.
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

  /// Whether the caller may see values of all instances of a flow. `send` alone reads nothing, and rules that depend on
  /// an instance do not admit all.
  func mayReadAll(_ flow: String, _ context: RequestContext) -> Bool {
    guard context.principal.may(.read), context.principal.sees(flow) else { return false }
    guard let entry = catalogue[flow], let access = try? readAccess(context) else { return catalogue[flow] == nil }
    return access.admitsAll(entry)
  }
}
