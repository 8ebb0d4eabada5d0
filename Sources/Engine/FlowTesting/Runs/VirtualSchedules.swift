import FlowIR
import FlowMachine

/// The scheduled starts of one instance on a virtual clock, until an event or a call starts it.
struct VirtualSchedules {
  /// The next due times by the index of the start, in milliseconds since 1970.
  private var due: [Int: Int64] = [:]
  /// The start of the instance.
  private(set) var running: Int?
  /// The due time of the run that waits for the end of the instance.
  private var waiting: Int64?

  /// The effect of a run that is due. An instance that would run beside the only one is not followed.
  enum Decision { case begin, replace, nothing }

  /// No scheduled start.
  init() {}

  /// All scheduled starts of a flow.
  init(of flow: FlowIndex, _ stepper: Stepper, after instant: Int64) {
    for start in stepper.machine.program.flows[flow].starts.indices {
      arm(start, of: flow, stepper, after: instant, now: instant)
    }
  }

  private mutating func arm(_ start: Int, of flow: FlowIndex, _ stepper: Stepper, after last: Int64, now: Int64) {
    guard stepper.machine.program.flows[flow].starts[start].isScheduled else { return }
    due[start] = (try? stepper.nextStart(flow: flow, schedule: start, after: last, now: now).get()) ?? nil
  }

  /// The next start that is due, the first of the text among equals.
  var next: (start: Int, due: Int64)? {
    due.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// Decides about a start that is due, and determines its next time.
  /// - Parameter isRunning: True while the instance runs: the policy of the start decides then.
  mutating func fire(
    _ start: Int, due instant: Int64, of flow: FlowIndex, _ stepper: Stepper, now: Int64, isRunning: Bool
  ) -> Decision {
    arm(start, of: flow, stepper, after: instant, now: now)
    guard isRunning else { return .begin }
    guard running == start else { return .nothing }
    switch stepper.machine.program.flows[flow].starts[start].overlap {
    case .allow, .skip: return .nothing
    case .queue:
      waiting = waiting ?? instant
      return .nothing
    case .replace: return .replace
    }
  }

  /// Records that a start has created the instance.
  mutating func began(_ start: Int) { running = start }

  /// True if a run waits for the end of the instance.
  var hasWaiting: Bool { waiting != nil && running != nil }

  /// Removes the run that waits, and returns it.
  mutating func takeWaiting() -> (start: Int, due: Int64)? {
    guard let due = waiting, let start = running else { return nil }
    waiting = nil
    return (start, due)
  }
}
