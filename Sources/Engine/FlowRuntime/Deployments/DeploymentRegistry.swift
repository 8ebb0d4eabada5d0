import FlowMachine

/// The programs in use, and the program of each served flow.
struct DeploymentRegistry {
  /// The flows that are served.
  private(set) var catalogue = Catalogue()
  /// The scheduled starts and their due times.
  private(set) var schedules: [ScheduleID: ScheduleRow] = [:]
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
    guard schedules[id] != row else { return false }
    schedules[id] = row
    return true
  }

  /// The due time of the next scheduled start, in milliseconds since 1970; nil for never.
  var nextStart: Int64? { schedules.values.lazy.map(\.due).min().flatMap { $0 == .max ? nil : $0 } }

  /// Returns to an earlier state; programs that were loaded since stay loaded.
  mutating func restore(_ earlier: DeploymentRegistry) {
    catalogue = earlier.catalogue
    schedules = earlier.schedules
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
