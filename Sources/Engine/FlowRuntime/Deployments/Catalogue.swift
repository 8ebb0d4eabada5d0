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

  private var shared = Shared.empty

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
    change { $0.generation = generation }
  }

  /// In the order of their deployment, each name once.
  public var entries: [Entry] { contents.entries }

  /// The number of changes, by which outdated copies are detected.
  public var generation: Int { contents.generation }

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

  public subscript(name: String) -> Entry? { contents.indices[name].map { contents.entries[$0] } }

  /// The names of the flows of which new instances may start.
  public var names: [String] { entries.lazy.filter { !$0.isRetired }.map(\.name) }

  /// The flows that receive an event that names no flow (``Entry/isReached(by:)``).
  public func reached(by event: String) -> [Entry] {
    (contents.reacting[event] ?? []).lazy.map { contents.entries[$0] }.filter { $0.isReached(by: event) }
  }

  /// The names of all events of the flows that are served, each once.
  public var events: [String] { contents.programs.events }

  /// Returns true if one of the programs declares an event.
  public func declares(event: String) -> Bool { contents.programs.eventNames.contains(event) }

  /// Returns true if one of the programs declares an event that only flows emit or raise.
  public func declares(internalEvent event: String) -> Bool { contents.programs.internalNames.contains(event) }

  /// The roles that the programs declare, each once.
  public var roles: [String] { contents.programs.roles }

  /// The programs, each once.
  public var machines: [Machine] { contents.programs.machines }

  mutating func add(_ entry: Entry) { change { $0.add(entry) } }

  mutating func retire(_ name: String) { change { $0.retire(name) } }

  private mutating func change(_ body: (inout CatalogueContents) -> Void) {
    var changed = contents
    // Without a second reference to its lists they are changed in place.
    shared = .empty
    body(&changed)
    shared = Shared(changed)
  }

  private var contents: CatalogueContents { shared.contents }

  /// The contents of all copies of a catalogue: each request takes several.
  private final class Shared: Sendable {
    static let empty = Shared(CatalogueContents())

    let contents: CatalogueContents

    init(_ contents: CatalogueContents) { self.contents = contents }
  }
}

private struct CatalogueContents {
  private(set) var entries: [Catalogue.Entry] = []
  private(set) var indices: [String: Int] = [:]
  private(set) var programs = CataloguePrograms()
  /// The entries whose flows react to an event, by its name: an event visits only those.
  private(set) var reacting: [String: [Int]] = [:]
  var generation = 0

  mutating func add(_ entry: Catalogue.Entry) {
    generation += 1
    let index = indices[entry.name] ?? entries.count
    indices[entry.name] = index
    guard index < entries.count else {
      entries.append(entry)
      for event in entry.handledEvents { reacting[event, default: []].append(index) }
      return programs.add(entry)
    }
    let earlier = entries[index]
    entries[index] = entry
    for event in earlier.handledEvents { reacting[event]?.removeAll { $0 == index } }
    // In the order of the entries.
    for event in entry.handledEvents {
      let place = reacting[event]?.firstIndex { $0 > index } ?? reacting[event]?.count ?? 0
      reacting[event, default: []].insert(index, at: place)
    }
    programs.add(entry)
    if !entries.contains(where: { $0.hash == earlier.hash }) {
      programs = entries.reduce(into: CataloguePrograms()) { $0.add($1) }
    }
  }

  mutating func retire(_ name: String) {
    generation += 1
    if let index = indices[name] { entries[index].isRetired = true }
  }
}

/// The programs of a catalogue, each once, and the names that they declare.
private struct CataloguePrograms {
  private(set) var machines: [Machine] = []
  private(set) var events: [String] = []
  private(set) var eventNames: Set<String> = []
  private(set) var internalNames: Set<String> = []
  private(set) var roles: [String] = []
  private var hashes: Set<String> = []

  mutating func add(_ entry: Catalogue.Entry) {
    guard hashes.insert(entry.hash).inserted else { return }
    machines.append(entry.machine)
    for event in entry.machine.program.events {
      if eventNames.insert(event.name).inserted { events.append(event.name) }
      if event.isInternal { internalNames.insert(event.name) }
    }
    for role in entry.machine.program.roles where !roles.contains(role) { roles.append(role) }
  }
}

extension Catalogue.Entry {
  init(_ row: DeploymentRow, machine: Machine, flow: FlowIndex) {
    self.init(
      name: row.flow, machine: machine, flow: flow, hash: row.definition, origin: row.origin, deployedAt: row.at,
      isRetired: row.isRetired)
  }

  /// The names of the events that the flow reacts to.
  fileprivate var handledEvents: [String] { machine.handledEvents(flow: flow).map { machine.program.events[$0].name } }

  /// Returns true if the flow receives an event that names no flow: the event carries a key, or it starts an instance.
  public func isReached(by event: String) -> Bool {
    guard let number = machine.event(named: event), machine.handles(event: number, flow: flow) else { return false }
    return machine.hasKey(of: flow, event: number)
      || !isRetired && machine.starts(flow: flow, on: number)
  }
}
