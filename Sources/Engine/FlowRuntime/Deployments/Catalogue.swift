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
  /// Returns true if the flow receives an event that names no flow: the event carries a key, or it starts an instance.
  public func isReached(by event: String) -> Bool {
    guard let number = machine.event(named: event), machine.handles(event: number, flow: flow) else { return false }
    return machine.hasKey(of: flow, event: number)
      || !isRetired && machine.starts(flow: flow, on: number)
  }
}
