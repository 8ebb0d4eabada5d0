import FlowIR
import FlowJSON
public import FlowMachine

/// What became of a deployment.
public struct DeployAnswer: Hashable, Sendable {
  /// The hash of the program.
  public var definition: String
  /// The flows that it serves now.
  public var flows: [String]
  /// Those of them that another program served before.
  public var replaced: [String]
}

// Which program the new instances of a flow run. Instances stay with the one that they began on.
extension Engine {
  /// The origin of what the server was started with.
  static let filesOrigin = "files"
  /// The origin of what came over the API.
  static let apiOrigin = "api"

  /// Serves the flows of a program from now on. What comes of it holds once ``commit()`` has returned.
  /// - Parameter sources: What it was compiled from; none for a program that came as IR.
  public func deploy(_ machine: Machine, _ sources: [SourceText] = []) -> DeployAnswer {
    let version = versions[machine.program.hash] ?? Version(hash: machine.program.hash, machine: machine)
    let names = machine.program.flows.map(\.name)
    let replaced = names.filter { name in catalogue[name].map { $0.hash != version.hash } ?? false }
    install(version, sources, origin: Engine.apiOrigin)
    return DeployAnswer(definition: version.hash, flows: names, replaced: replaced)
  }

  /// Begins no new instances of a flow any more; those that run go on.
  /// - Returns: False when no such flow is served.
  public func retire(_ flow: String) -> Bool {
    guard let entry = catalogue[flow], !entry.isRetired else { return false }
    retire(entry)
    return true
  }

  private func retire(_ entry: Catalogue.Entry) {
    catalogue.retire(entry.name)
    batch.deployments.append(
      DeploymentRow(
        flow: entry.name, definition: entry.hash, origin: entry.origin, at: entry.deployedAt, isRetired: true))
    for id in schedules.keys where id.flow == entry.name { end(id) }
  }

  /// Adds the flows of a version, and notes what is new about that.
  func install(_ version: Version, _ sources: [SourceText], origin: String) {
    versions[version.hash] = version
    if !sources.isEmpty { batch.sources[version.hash] = SourceText.json(sources).bytes() }
    startPaces(of: version.machine)
    let now = world.now()
    if (read { () throws(StoreError) in try store.definition(hash: version.hash) }) == .some(nil) {
      batch.definitions[version.hash] = version.machine.program.json.bytes(.canonical)
    }
    for (index, flow) in version.machine.program.flows.indexed {
      if let known = catalogue[flow.name], known.hash == version.hash, known.origin == origin, !known.isRetired {
        continue
      }
      add(
        DeploymentRow(flow: flow.name, definition: version.hash, origin: origin, at: now, isRetired: false), version,
        index)
      batch.versions.append(
        VersionRow(flow: flow.name, definition: version.hash, number: flow.version, origin: origin, at: now))
      arrange(flow, index, version)
    }
  }

  private func add(_ row: DeploymentRow, _ version: Version, _ flow: FlowIndex) {
    catalogue.add(
      Catalogue.Entry(
        name: row.flow, machine: version.machine, flow: flow, hash: version.hash, origin: row.origin,
        deployedAt: row.at, isRetired: row.isRetired))
    batch.deployments.append(row)
  }

  /// Reads what was deployed before; what an earlier start had and this one has not is retired.
  func restoreDeployments(besides started: Version) throws(StoreError) {
    versions[started.hash] = started
    for row in try store.schedules() { schedules[ScheduleID(flow: row.flow, start: row.start)] = row }
    let rows = try store.deployments()
    for row in rows.sorted(by: { ($0.at, $0.flow) < ($1.at, $1.flow) }) {
      // A program that this version can't load any more strands its own instances only.
      guard let version = try? version(row.definition), let flow = version.machine.flow(named: row.flow) else {
        continue
      }
      add(row, version, flow)
      let isGone = row.origin == Engine.filesOrigin && started.machine.flow(named: row.flow) == nil
      if let entry = catalogue[row.flow], isGone, !row.isRetired { retire(entry) }
    }
    // Only what has changed is written.
    batch.deployments.removeAll { row in rows.contains(row) }
  }
}
