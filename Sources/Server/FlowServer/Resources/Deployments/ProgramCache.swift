import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import Synchronization

/// The programs that instances run, by hash: the served ones, and older ones on demand.
final class ProgramCache: Sendable {
  /// The maximum number of older programs that stay loaded.
  static let maximumKept = 64

  private let engine: EngineThread
  private let queries: any Queries
  private let older = Mutex<[String: Machine]>([:])

  init(engine: EngineThread, queries: any Queries) {
    self.engine = engine
    self.queries = queries
  }

  /// The program with a hash; nil when it can't be loaded. May read the store.
  func machine(_ hash: String) throws(StoreError) -> Machine? {
    if let entry = engine.catalogue.entries.first(where: { $0.hash == hash }) { return entry.machine }
    if let known = older.withLock({ $0[hash] }) { return known }
    guard let text = try queries.definition(hash: hash), let machine = Machine.stored(text) else { return nil }
    older.withLock { older in
      if older.count >= ProgramCache.maximumKept { older = [:] }
      older[hash] = machine
    }
    return machine
  }

  /// The served version of the flow.
  func servedEntry(_ flow: String) -> Catalogue.Entry? { engine.catalogue[flow] }

  /// The instance of a row, with its stepper; nil when it can't be read.
  func instance(_ row: InstanceRow) throws(StoreError) -> (Instance, Stepper)? {
    guard let machine = try machine(row.definition), let flow = machine.flow(named: row.flow),
      let position = try? JSON(parsing: row.position), let data = try? JSON(parsing: row.data)
    else { return nil }
    let items = try position.refersToItems ? queries.items(instance: row.id) : []
    let header = InstanceHeader(
      flow: flow, key: row.key, status: row.status.machineStatus, revision: row.revision, startedAt: row.startedAt)
    let stepper = Stepper(machine)
    let instance = try? stepper.restore(header, position: position, data: data, items: items.documents())
    return instance.map { ($0, stepper) }
  }
}

extension Machine {
  /// The program that a store has; nil when this version of Flow can't read it.
  static func stored(_ text: [UInt8]) -> Machine? {
    guard let json = try? JSON(parsing: text), let program = try? Program(json: json) else { return nil }
    return try? Machine(program)
  }
}
