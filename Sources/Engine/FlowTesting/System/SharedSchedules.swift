import FlowIR
import FlowMachine

/// The scheduled starts of several flows on a virtual clock, as the engine runs them.
struct SharedSchedules {
  /// A start of a flow.
  struct ID: Hashable, Comparable {
    var flow: FlowIndex
    var start: Int

    static func < (a: ID, b: ID) -> Bool { (a.flow, a.start) < (b.flow, b.start) }
  }

  /// The next due times, in milliseconds since 1970.
  private var due: [ID: Int64] = [:]
  /// The instances that were started last.
  private var last: [ID: VirtualSystem.Name] = [:]
  /// The due times of the runs that wait for the end of the last instance.
  private var waiting: [ID: Int64] = [:]

  /// No scheduled start.
  init() {}

  init(of flows: [FlowIndex], _ stepper: Stepper, after instant: Int64) {
    for flow in flows {
      for start in stepper.machine.program.flows[flow].starts.indices {
        arm(ID(flow: flow, start: start), stepper, after: instant)
      }
    }
  }

  /// Determines the next due time of a start.
  mutating func arm(_ id: ID, _ stepper: Stepper, after instant: Int64) {
    guard stepper.machine.program.flows[id.flow].starts[id.start].isScheduled else { return }
    due[id] = (try? stepper.nextStart(flow: id.flow, schedule: id.start, after: instant).get()) ?? nil
  }

  /// The next start that is due, the first of the text among equals.
  var next: (id: ID, due: Int64)? {
    due.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// The instance that a start has created last.
  func last(_ id: ID) -> VirtualSystem.Name? { last[id] }

  mutating func began(_ id: ID, _ name: VirtualSystem.Name) { last[id] = name }

  /// Lets a run wait, unless one does.
  mutating func wait(_ id: ID, due instant: Int64) { waiting[id] = waiting[id] ?? instant }

  /// True if a run waits for the end of an instance.
  var hasWaiting: Bool { !waiting.isEmpty }

  /// Removes a run that waits for an instance that has ended, and returns it.
  mutating func takeWaiting(isRunning: (VirtualSystem.Name) -> Bool) -> (id: ID, due: Int64)? {
    let found = waiting.filter { id, _ in !(last[id].map(isRunning) ?? false) }
    guard let (id, due) = found.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return nil }
    waiting[id] = nil
    return (id, due)
  }
}
