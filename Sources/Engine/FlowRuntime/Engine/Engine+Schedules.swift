import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Instances that begin because it is time. What was missed while nothing ran is made up for once.
extension Engine {
  /// When the next scheduled start falls due; nil for never.
  var nextSchedule: Int64? { schedules.values.map(\.due).min().flatMap { $0 == .max ? nil : $0 } }

  /// Notes when the scheduled starts of a flow fall due first; one that is known already keeps its time.
  func arrange(_ flow: Flow, _ index: FlowIndex, _ version: Version) {
    for id in schedules.keys where id.flow == flow.name && !flow.isScheduled(id.start) { end(id) }
    for start in flow.starts.indices where flow.isScheduled(start) {
      let id = ScheduleID(flow: flow.name, start: start)
      if let known = schedules[id], known.due < .max, isSame(known, flow, start) {
        set(id, version, due: known.due)
      } else {
        set(id, version, due: nextStart(index, start, version, after: world.now()))
      }
    }
  }

  /// Whether the program that a schedule was noted for says the same about it as this one.
  private func isSame(_ row: ScheduleRow, _ flow: Flow, _ start: Int) -> Bool {
    guard let old = try? version(row.definition), let index = old.machine.flow(named: flow.name) else { return false }
    let starts = old.machine.program.flows[index].starts
    return starts.indices.contains(start) && starts[start].trigger == flow.starts[start].trigger
  }

  /// Starts what is due. What comes of it holds once ``commit()`` has returned.
  public func fireSchedules() {
    let now = world.now()
    guard let first = nextSchedule, first <= now else { return }
    for (id, row) in schedules.sorted(by: { ($0.value.due, $0.key.flow) < ($1.value.due, $1.key.flow) })
    where row.due <= now {
      guard let entry = catalogue[id.flow], !entry.isRetired, let version = versions[entry.hash] else {
        end(id)
        continue
      }
      begin(entry, version, start: id.start, due: row.due)
      set(id, version, due: nextStart(entry.flow, id.start, version, after: max(now, row.due)))
    }
    settle()
  }

  private func begin(_ entry: Catalogue.Entry, _ version: Version, start: Int, due: Int64) {
    do throws(EngineProblem) {
      let (step, key) = try firstStep(entry, version, start, due)
      let name = InstanceID(flow: entry.name, key: key)
      // The tick may have begun it before a crash, or somebody else has taken its key.
      guard try load(name) == nil else { return }
      let cached = newInstance(step, entry.name, key, version, over: nil)
      let cause: JSON = ["schedule": ["due": .string(timeText(due)), "start": .int(Int64(start))]]
      record(step, of: cached, cause: .other(cause), at: step.next.startedAt, isNew: true)
    } catch {
      note(error, entry, due)
    }
  }

  /// The first step under the key that the flow gives its instance, or else the instant that it is for.
  private func firstStep(
    _ entry: Catalogue.Entry, _ version: Version, _ start: Int, _ due: Int64
  ) throws(EngineProblem) -> (Step, key: String) {
    var key = timeText(due)
    for _ in 0..<2 {
      let outcome = version.stepper.start(flow: entry.flow, schedule: start, key: key, now: world.now())
      switch outcome {
      case .refused(let refusal):
        throw .refused(refusal, explanation: refusal.explanationJSON(in: version.machine))
      case .accepted(let step):
        guard let field = version.machine.program.flows[entry.flow].key,
          case .string(let given)? = step.next.value(ofField: field, in: version.machine), !given.isEmpty, given != key
        else { return (step, key) }
        key = given
      }
    }
    throw .notPossible("the key of the instance depends on itself")
  }

  /// Nobody waits for an answer, so a tick that began nothing is only told of.
  private func note(_ problem: EngineProblem, _ entry: Catalogue.Entry, _ due: Int64) {
    let reason: String
    switch problem {
    // A guard that says no is what guards are for.
    case .refused(let refusal, _) where refusal.reason == .notStarted: return
    case .refused(let refusal, _): reason = refusal.message
    case .notPossible(let message): reason = message
    default: return
    }
    notices.append("the start of `\(entry.name)` that was due at \(timeText(due)) failed: \(reason)")
  }

  private func nextStart(_ flow: FlowIndex, _ start: Int, _ version: Version, after instant: Int64) -> Int64 {
    switch version.stepper.nextStart(flow: flow, schedule: start, after: instant) {
    case .success(let due): return due ?? .max
    case .failure(let error):
      notices.append("\(version.machine.program.flows[flow].starts[start].place): \(error.message)")
      return .max
    }
  }

  private func set(_ id: ScheduleID, _ version: Version, due: Int64) {
    let row = ScheduleRow(flow: id.flow, start: id.start, definition: version.hash, due: due)
    guard schedules[id] != row else { return }
    schedules[id] = row
    batch.schedules[id] = row
  }

  func end(_ id: ScheduleID) {
    guard var row = schedules[id], row.due < .max else { return }
    row.due = .max
    schedules[id] = row
    batch.schedules[id] = row
  }
}

extension Flow {
  fileprivate func isScheduled(_ start: Int) -> Bool {
    guard starts.indices.contains(start) else { return false }
    switch starts[start].trigger {
    case .every, .cron: return true
    case .event, .called: return false
    }
  }
}
