import FlowMachine

/// The programs in use, and the program of each served flow.
struct DeploymentRegistry {
  /// The flows that are served.
  private(set) var catalogue = Catalogue()
  /// The scheduled starts and their due times.
  private(set) var schedules: [ScheduleID: ScheduleRow] = [:]
  /// The schedules by the instances that they started last and that have not ended.
  private(set) var runs: [InstanceID: ScheduleID] = [:]
  /// The loaded programs, by their hash.
  private var versions: [String: Version] = [:]

  /// The loaded program with a hash; nil when it is not loaded.
  subscript(hash: String) -> Version? { versions[hash] }

  mutating func add(_ version: Version) { versions[version.hash] = version }

  mutating func add(_ entry: Catalogue.Entry) { catalogue.add(entry) }

  mutating func retire(_ flow: String) { catalogue.retire(flow) }

  /// - Returns: False when nothing has changed.
  mutating func set(_ row: ScheduleRow) -> Bool {
    let id = ScheduleID(flow: row.flow, start: row.start)
    let old = schedules[id]
    guard old != row else { return false }
    schedules[id] = row
    if let key = old?.running.map({ InstanceID(flow: row.flow, key: $0) }), old?.running != row.running,
      // After a deployment another start may have inherited the instance.
      runs[key] == id
    {
      runs[key] = nil
    }
    if let key = row.running { runs[InstanceID(flow: row.flow, key: key)] = id }
    return true
  }

  /// The instant at which the next scheduled start is due, in milliseconds since 1970; nil for never.
  var nextStart: Int64? { schedules.values.lazy.map(\.nextVisit).min().flatMap { $0 == .max ? nil : $0 } }

  /// Returns to an earlier state; programs that were loaded since stay loaded.
  mutating func restore(_ earlier: DeploymentRegistry) {
    catalogue = earlier.catalogue
    schedules = earlier.schedules
    runs = earlier.runs
  }
}

/// A version of the program, ready to step.
final class Version {
  let hash: String
  let machine: Machine
  let stepper: Stepper

  init(hash: String, machine: Machine) {
    self.hash = hash
    self.machine = machine
    self.stepper = Stepper(machine)
  }
}
