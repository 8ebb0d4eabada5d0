import FlowIR
public import FlowMachine
public import FlowRuntime
import FlowSource
import Synchronization

/// The programs that instances run: the present one, and older ones as somebody asks for them.
public final class Catalog: Sendable {
  /// How many older programs are kept ready.
  static let maximumKept = 64

  private struct State {
    var current: Machine
    var currentHash: String
    var older: [String: Machine] = [:]
  }

  private let state: Mutex<State>
  private let queries: any Queries

  public init(_ machine: Machine, queries: any Queries) {
    state = Mutex(State(current: machine, currentHash: machine.program.hash))
    self.queries = queries
  }

  /// What new instances run.
  public var current: Machine { state.withLock { $0.current } }

  /// From now on new instances run another program.
  public func replace(with machine: Machine) {
    let hash = machine.program.hash
    state.withLock { state in
      state.older[state.currentHash] = state.current
      state.current = machine
      state.currentHash = hash
    }
  }

  /// The program of an instance; nil when it can't be loaded. May read the store.
  func machine(_ hash: String) throws(StoreError) -> Machine? {
    if let known = state.withLock({ $0.currentHash == hash ? $0.current : $0.older[hash] }) { return known }
    guard let text = try queries.definition(hash: hash), let json = try? JSON(parsing: text),
      let program = try? FlowIR.Program(json: json), let machine = try? Machine(program)
    else { return nil }
    state.withLock { state in
      if state.older.count >= Catalog.maximumKept { state.older = [:] }
      state.older[hash] = machine
    }
    return machine
  }

  /// The instance of a row as its program sees it; nil when it can't be read.
  func instance(_ row: InstanceRow) throws(StoreError) -> (Instance, Stepper)? {
    guard let machine = try machine(row.definition), let flow = machine.flow(named: row.flow),
      let position = try? JSON(parsing: row.position), let data = try? JSON(parsing: row.data)
    else { return nil }
    let status: Instance.Status = row.status == 0 ? .running : row.status == 1 ? .done : .failed
    let header = InstanceHeader(
      flow: flow, key: row.key, status: status, revision: row.revision, startedAt: row.startedAt)
    let stepper = Stepper(machine)
    return (try? stepper.restore(header, position: position, data: data)).map { ($0, stepper) }
  }
}
