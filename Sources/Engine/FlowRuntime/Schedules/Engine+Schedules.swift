import CEL
public import FlowIR
import FlowJSON
import FlowMachine

// The due times of scheduled starts, and the runs that were missed.
extension Engine {
  /// The lateness from which on a run counts as missed, in milliseconds.
  static let catchUpGraceMilliseconds: Int64 = 60_000
  /// The number of missed runs that one schedule catches up.
  static let maximumCatchUp = 1000

  // MARK: - Deployments

  /// Sets the due times of the scheduled starts of a flow. An unchanged start keeps its time; one that has moved among
  /// the starts, or has another schedule, keeps the instance that it started.
  func schedule(_ index: FlowIndex, of version: Version) {
    let flow = version.machine.program.flows[index]
    let old = deployments.schedules.filter { $0.key.flow == flow.name }
    let predecessors = predecessors(of: flow, among: old)
    let inherited = Set(predecessors.values.map { $0.row.start })
    for (id, row) in old where !flow.isScheduled(id.start) {
      if inherited.contains(row.start) { change(id) { $0.running = nil } }
      endSchedule(id)
    }
    for start in flow.starts.indices where flow.isScheduled(start) {
      let id = ScheduleID(flow: flow.name, start: start)
      let earlier = predecessors[start]
      var row = earlier?.row ?? ScheduleRow(flow: flow.name, start: start, definition: version.hash, due: .max)
      row.start = start
      row.definition = version.hash
      if row.waiting != nil, flow.starts[start].overlap != .queue { row.skipWaiting() }
      if earlier?.isUnchanged != true || row.due == .max {
        row.due = nextStart(id, of: version, after: world.now())
      }
      set(row)
    }
  }

  /// The row of an earlier version that each scheduled start continues: that of the same schedule, or else the one at
  /// its index.
  private func predecessors(
    of flow: Flow, among old: [ScheduleID: ScheduleRow]
  ) -> [Int: (row: ScheduleRow, isUnchanged: Bool)] {
    var free = old
    var found: [Int: (row: ScheduleRow, isUnchanged: Bool)] = [:]
    let starts = flow.starts.indices.filter { flow.isScheduled($0) }
    for start in starts {
      let id = ScheduleID(flow: flow.name, start: start)
      if let row = free[id], isSame(row, flow, start: start) {
        free[id] = nil
        found[start] = (row, true)
      }
    }
    for start in starts where found[start] == nil {
      let moved = free.values.filter { isSame($0, flow, start: start) }.min { $0.start < $1.start }
      guard let moved else { continue }
      free[ScheduleID(flow: flow.name, start: moved.start)] = nil
      found[start] = (moved, true)
    }
    for start in starts where found[start] == nil {
      if let row = free[ScheduleID(flow: flow.name, start: start)] { found[start] = (row, false) }
    }
    return found
  }

  /// Returns true if the program of a schedule row declares the same schedule as a start of this flow.
  private func isSame(_ row: ScheduleRow, _ flow: Flow, start: Int) -> Bool {
    guard let old = try? version(row.definition), let index = old.machine.flow(named: flow.name) else { return false }
    let starts = old.machine.program.flows[index].starts
    return starts.indices.contains(row.start)
      && starts[row.start].trigger.isSameSchedule(as: flow.starts[start].trigger)
  }

  // MARK: - Firing

  /// Starts the instances that are due. The outcome is final once ``commit()`` has returned.
  public func fireSchedules() {
    let now = world.now()
    guard let first = deployments.nextStart, first <= now else { return }
    let due = deployments.schedules.filter { $0.value.nextVisit <= now }
    for (id, row) in due.sorted(by: { ($0.value.nextVisit, $0.key.flow) < ($1.value.nextVisit, $1.key.flow) }) {
      guard let entry = catalogue[id.flow], !entry.isRetired, let version = deployments[entry.hash],
        version.machine.program.flows[entry.flow].isScheduled(id.start)
      else {
        endSchedule(id)
        continue
      }
      if let waiting = row.waiting, row.running == nil {
        change(id) { $0.waiting = nil }
        fire(ScheduledRun(id: id, due: waiting, entry: entry, version: version))
      }
      if row.due <= now { fireDue(ScheduledRun(id: id, due: row.due, entry: entry, version: version), at: now) }
    }
    deliverPending()
  }

  /// Fires a schedule that is due, and sets its next due time.
  private func fireDue(_ run: ScheduledRun, at now: Int64) {
    var next = nextStart(run.id, of: run.version, after: run.due, now: now)
    switch run.start.catchUp {
    case .none where isMissed(run, at: now): skipMissed(run, at: now)
    case .none, .one: fire(run)
    case .all: next = catchUp(run, at: now) ?? next
    }
    change(run.id) {
      $0.due = next
      $0.definition = run.version.hash
    }
  }

  /// Returns true for a run that was due before the engine was started, or more than a minute ago.
  private func isMissed(_ run: ScheduledRun, at now: Int64) -> Bool {
    run.due < startedAt || now - run.due > Engine.catchUpGraceMilliseconds
  }

  /// Counts the runs that were missed, up to the bound of those that are caught up.
  private func skipMissed(_ first: ScheduledRun, at now: Int64) {
    var due = first.due
    for _ in 0..<Engine.maximumCatchUp where due <= now {
      change(first.id) { $0.skip(due) }
      due = nextStart(first.id, of: first.version, after: due)
    }
  }

  /// Starts an instance for each missed run.
  /// - Returns: The due time of the first run in the future; nil when too many were missed.
  private func catchUp(_ first: ScheduledRun, at now: Int64) -> Int64? {
    var run = first
    for _ in 0..<Engine.maximumCatchUp {
      fire(run)
      run.due = nextStart(run.id, of: run.version, after: run.due)
      guard run.due <= now else { return run.due }
    }
    change(run.id) { $0.skip(run.due) }
    warn(
      "`\(run.id.flow)` has missed more than \(Engine.maximumCatchUp) runs of `\(run.start.location)`; those from "
        + "\(timeText(run.due)) on are skipped")
    return nil
  }

  /// The next due time of a schedule, in milliseconds since 1970.
  /// - Parameters:
  ///   - last: The last due time, or the instant of the deployment.
  ///   - now: The instant that it has to follow; nil for the first due time after the last one.
  func nextStart(_ id: ScheduleID, of version: Version, after last: Int64, now: Int64? = nil) -> Int64 {
    guard let flow = version.machine.flow(named: id.flow) else { return .max }
    switch version.stepper.nextStart(flow: flow, schedule: id.start, after: last, now: now) {
    case .success(let due): return due ?? .max
    case .failure(let error):
      warn("\(version.machine.program.flows[flow].starts[id.start].location): \(error.message)")
      return .max
    }
  }

  // MARK: - Rows

  /// Changes the row of a schedule.
  func change(_ id: ScheduleID, _ change: (inout ScheduleRow) -> Void) {
    guard var row = deployments.schedules[id] else { return }
    change(&row)
    set(row)
  }

  private func set(_ row: ScheduleRow) {
    guard deployments.set(row) else { return }
    batch.writes.schedules[ScheduleID(flow: row.flow, start: row.start)] = row
  }

  /// Stops a schedule. The instance that it started continues.
  func endSchedule(_ id: ScheduleID) {
    change(id) { row in
      if row.waiting != nil { row.skipWaiting() }
      row.due = .max
    }
  }

  /// Records that an instance has ended: a waiting run of the schedule that started it can start.
  func endRun(of instance: InstanceID) {
    guard let id = deployments.runs[instance] else { return }
    change(id) { $0.running = nil }
  }
}

extension ScheduleRow {
  /// Counts a run that is not started.
  mutating func skip(_ due: Int64) {
    lastSkipped = due
    skipped += 1
  }

  /// Drops the waiting run.
  fileprivate mutating func skipWaiting() {
    if let waiting { skip(waiting) }
    waiting = nil
  }
}

extension Start.Trigger {
  /// Returns true if both are due at the same times; their positions in the text do not matter.
  fileprivate func isSameSchedule(as other: Start.Trigger) -> Bool {
    switch (self, other) {
    case (.every(let a), .every(let b)): isSame(a, b)
    case (.cron(let a), .cron(let b)): a.schedule == b.schedule && isSame(a.zone, b.zone)
    default: false
    }
  }

  private func isSame(_ a: SourcedExpression?, _ b: SourcedExpression?) -> Bool {
    a?.text == b?.text && a?.tree.constant == b?.tree.constant
  }
}

extension Flow {
  /// Returns true if a start exists and is by the clock.
  public func isScheduled(_ start: Int) -> Bool { starts.indices.contains(start) && starts[start].isScheduled }
}
