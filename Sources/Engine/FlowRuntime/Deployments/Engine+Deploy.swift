import FlowIR
import FlowJSON
public import FlowMachine

/// A program that an engine is started with.
public struct StartupProgram: Sendable {
  public let machine: Machine
  /// The files that it was compiled from; none for a program that came as IR.
  public let sources: [SourceText]

  public init(machine: Machine, sources: [SourceText] = []) {
    self.machine = machine
    self.sources = sources
  }
}

/// The origin of a deployment.
public enum DeploymentOrigin: String, Sendable {
  /// The files that the server was started with, or that it watches.
  case files
  case api
}

/// The outcome of a deployment.
public struct DeployAnswer: Hashable, Sendable {
  /// The hash of the program.
  public var definition: String
  /// The flows that the program serves now.
  public var flows: [String]
  /// The ones among them that another program served before.
  public var replaced: [String]
}

// The program of new instances of a flow. Running instances keep the program with which they started.
extension Engine {
  /// Serves the flows of a program from now on. The outcome is final once ``commit()`` has returned.
  /// - Parameter sources: The source files of the program; empty for a program that was deployed as IR.
  public func deploy(
    _ machine: Machine, sources: [SourceText] = [], origin: DeploymentOrigin = .api
  ) -> DeployAnswer {
    let version = deployments[machine.program.hash] ?? Version(hash: machine.program.hash, machine: machine)
    let names = machine.program.flows.map(\.name)
    let replaced = names.filter { name in catalogue[name].map { $0.hash != version.hash } ?? false }
    install(version, sources: sources, origin: origin)
    return DeployAnswer(definition: version.hash, flows: names, replaced: replaced)
  }

  /// Starts no new instances of a flow from now on; running ones continue.
  /// - Returns: False when no such flow is served.
  public func retire(_ flow: String) -> Bool {
    guard let entry = catalogue[flow], !entry.isRetired else { return false }
    retire(entry)
    return true
  }

  private func retire(_ entry: Catalogue.Entry) {
    deployments.retire(entry.name)
    batch.writes.deployments.append(
      DeploymentRow(
        flow: entry.name, definition: entry.hash, origin: entry.origin, at: entry.deployedAt, isRetired: true))
    for id in deployments.schedules.keys where id.flow == entry.name { endSchedule(id) }
  }

  /// Adds the flows of a version, and writes the changes.
  func install(
    _ version: Version, sources: [SourceText], origin: DeploymentOrigin, except kept: Set<String> = []
  ) {
    deployments.add(version)
    if !sources.isEmpty { batch.writes.sources[version.hash] = SourceText.json(sources).bytes() }
    restoreThrottles(of: version.machine)
    restoreSlots(of: version.machine)
    let now = world.now()
    if (read { () throws(StoreError) in try store.definition(hash: version.hash) }) == .some(nil) {
      batch.writes.definitions[version.hash] = version.machine.program.json.bytes(.canonical)
    }
    for (index, flow) in version.machine.program.flows.indexed where !kept.contains(flow.name) {
      if let known = catalogue[flow.name], known.hash == version.hash, known.origin == origin.rawValue,
        !known.isRetired
      {
        continue
      }
      let row = DeploymentRow(
        flow: flow.name, definition: version.hash, origin: origin.rawValue, at: now, isRetired: false)
      add(row, version, flow: index)
      batch.writes.versions.append(
        VersionRow(
          flow: flow.name, definition: version.hash, number: flow.version, origin: origin.rawValue, at: now))
      schedule(index, of: version)
    }
  }

  /// The flows of a program that the API has deployed since the program was served: they are newer than its files.
  func flowsDeployedAfter(_ version: Version) throws(StoreError) -> Set<String> {
    var newer: Set<String> = []
    for flow in version.machine.program.flows {
      guard let entry = catalogue[flow.name], entry.origin == DeploymentOrigin.api.rawValue, entry.hash != version.hash,
        !entry.isRetired
      else { continue }
      let wasServed = try store.wasServed(flow: flow.name, definition: version.hash)
      if wasServed { newer.insert(flow.name) }
      warn(
        wasServed
          ? "`\(flow.name)` stays as it was deployed over the API at \(timeText(entry.deployedAt)), after these files"
          : "`\(flow.name)`, deployed over the API at \(timeText(entry.deployedAt)), is replaced by changed files")
    }
    return newer
  }

  private func add(_ row: DeploymentRow, _ version: Version, flow: FlowIndex) {
    deployments.add(Catalogue.Entry(row, machine: version.machine, flow: flow))
    batch.writes.deployments.append(row)
  }

  /// Reads the earlier deployments; flows of an earlier start that are not part of this one are retired.
  func restoreDeployments(startedWith started: [Version]) throws(StoreError) {
    for version in started { deployments.add(version) }
    for row in try store.schedules() { _ = deployments.set(row) }
    let rows = try store.deployments()
    // A program that this version can no longer load affects its own instances only.
    let found = rows.compactMap { row -> (row: DeploymentRow, program: Version, flow: FlowIndex)? in
      guard let version = try? version(row.definition) else { return nil }
      return version.machine.flow(named: row.flow).map { (row, version, $0) }
    }
    for (row, version, flow) in Catalogue.inOrder(found, startedWith: started.map(\.hash)) {
      add(row, version, flow: flow)
      let isGone =
        row.origin == DeploymentOrigin.files.rawValue && started.allSatisfy { $0.machine.flow(named: row.flow) == nil }
      if let entry = catalogue[row.flow], isGone, !row.isRetired { retire(entry) }
    }
    // Only changes are written.
    batch.writes.deployments.removeAll { row in rows.contains(row) }
  }
}
