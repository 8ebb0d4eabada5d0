public import FlowIR
public import FlowMachine

/// The flows that are served, each in the version of its new instances. A value: a deployment makes the next one.
public struct Catalogue: Sendable {
  /// One flow.
  public struct Entry: Sendable {
    public let name: String
    /// The program that it is part of.
    public let machine: Machine
    /// Its index there.
    public let flow: FlowIndex
    /// The hash of that program.
    public let hash: String
    /// The origin: `files` for those that the server was started with, `api` for others.
    public let origin: String
    /// The instant of the deployment, in milliseconds since 1970.
    public let deployedAt: Int64
    /// True if no new instances start; running ones continue.
    public var isRetired = false
  }

  /// In the order of their deployment, each name once.
  public private(set) var entries: [Entry] = []
  private var indices: [String: Int] = [:]
  /// The number of changes, by which outdated copies are detected.
  public private(set) var generation = 0

  public init() {}

  /// The flows that the owner of a store serves, as another process reads them.
  /// - Parameters:
  ///   - rows: The last deployment of each flow.
  ///   - started: The hashes of the programs that the server was started with.
  ///   - generation: The number of changes: a higher one than that of each earlier copy.
  ///   - machine: Returns the program with a hash.
  /// - Throws: The error of `machine`.
  public init(
    _ rows: [DeploymentRow], startedWith started: [String], generation: Int,
    machine: (String) throws(StoreError) -> Machine
  ) throws(StoreError) {
    var found: [(row: DeploymentRow, program: Machine, flow: FlowIndex)] = []
    for row in rows {
      let program = try machine(row.definition)
      if let flow = program.flow(named: row.flow) { found.append((row, program, flow)) }
    }
    for (row, program, flow) in Catalogue.inOrder(found, startedWith: started) {
      add(Entry(row, machine: program, flow: flow))
    }
    self.generation = generation
  }

  /// Deployments in the order in which they were made: it decides which flow's answer to an event counts as the first.
  static func inOrder<Program>(
    _ found: [(row: DeploymentRow, program: Program, flow: FlowIndex)], startedWith started: [String]
  ) -> [(row: DeploymentRow, program: Program, flow: FlowIndex)] {
    let position = { (hash: String) in started.firstIndex(of: hash) ?? started.count }
    return found.sorted {
      ($0.row.at, position($0.row.definition), $0.row.definition, $0.flow)
        < ($1.row.at, position($1.row.definition), $1.row.definition, $1.flow)
    }
  }

  public subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }

  /// The names of the flows of which new instances may start.
  public var names: [String] { entries.lazy.filter { !$0.isRetired }.map(\.name) }

  /// The names of all events of the flows that are served, each once.
  public var events: [String] {
    var seen: Set<String> = []
    return machines.flatMap { $0.program.events.map(\.name) }.filter { seen.insert($0).inserted }
  }

  /// The programs, each once.
  public var machines: [Machine] {
    var seen: Set<String> = []
    return entries.filter { seen.insert($0.hash).inserted }.map(\.machine)
  }

  mutating func add(_ entry: Entry) {
    generation += 1
    if let index = indices[entry.name] {
      entries[index] = entry
    } else {
      indices[entry.name] = entries.count
      entries.append(entry)
    }
  }

  mutating func retire(_ name: String) {
    generation += 1
    if let index = indices[name] { entries[index].isRetired = true }
  }
}

extension Catalogue.Entry {
  init(_ row: DeploymentRow, machine: Machine, flow: FlowIndex) {
    self.init(
      name: row.flow, machine: machine, flow: flow, hash: row.definition, origin: row.origin, deployedAt: row.at,
      isRetired: row.isRetired)
  }

  /// Returns true if the flow receives an event that names no flow: the event carries a key, or it starts an instance.
  public func isReached(by event: String) -> Bool {
    guard let number = machine.event(named: event), machine.handles(event: number, flow: flow) else { return false }
    return machine.hasKey(of: flow, event: number)
      || !isRetired && machine.starts(flow: flow, on: number)
  }
}
