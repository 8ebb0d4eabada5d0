import CEL
import FlowCompiler
import FlowIR
import FlowMachine

/// Nanoseconds per step of two reference flows.
enum StepBenchmark {
  static let toggle = """
    event Begin
    event Flip { weight: int }
    flow Toggle {
      data { flips: int = 0 }
      start on Begin -> off
      state off { on Flip when event.weight > 0 -> on_ do flips = flips + event.weight }
      state on_ { on Flip when event.weight > 0 -> off do flips = flips + event.weight  on Begin -> end }
      final end
    }
    """

  /// Forty states: a parallel of three regions with three levels, entries, exits and guards.
  static let plant = """
    event Begin
    event Tick { weight: int }
    event Stop
    flow Plant {
      data { ticks: int = 0  turns: int = 0  heat: int = 0 }
      start on Begin -> running
      on Stop -> end
      parallel running {
        \(region("one", "ticks", exits: "turns = turns + 1"))
        \(region("two", "turns", exits: "heat = heat + 1"))
        \(region("three", "heat", exits: "heat = 0"))
      }
      final end
    }
    """

  /// A region of three compounds with three states each, all of which handle `Tick`.
  private static func region(_ name: String, _ field: String, exits: String) -> String {
    var text = "region \(name) {"
    for group in 0..<3 {
      let next = "\(name)_\((group + 1) % 3)"
      text += " \(group == 0 ? "initial " : "")state \(name)_\(group) { exit \(exits)"
      for leaf in 0..<3 {
        let target = leaf == 2 ? next : "\(name)_\(group)_\(leaf + 1)"
        text += " \(leaf == 0 ? "initial " : "")state \(name)_\(group)_\(leaf) {"
        text += " on Tick when event.weight > 0 && \(field) >= 0 -> \(target) do \(field) = \(field) + event.weight }"
      }
      text += " }"
    }
    return text + " }"
  }

  static func runToggle() {
    inPlace("step of a two-state toggle", flow: toggle, event: "Flip", note: "a guard and an assignment")
  }

  static func runPlant() {
    inPlace("event to 40 states, 3 regions", flow: plant, event: "Tick", note: "3 guards, 3 assignments or more")
  }

  static func runValues() {
    asValues("toggle as values", flow: toggle, event: "Flip")
    asValues("40 states as values", flow: plant, event: "Tick")
  }

  /// A started instance, and an event for it.
  private struct Scene {
    var stepper: Stepper
    var first: Instance
    var event: EventIndex
    var weight: Value
    var payload: Payload

    init?(_ text: String, event name: String) {
      guard let program = compile("bench.flow", load: { _ in Array(text.utf8) }).program,
        let machine = try? Machine(program), let begin = machine.event(named: "Begin"),
        let event = machine.event(named: name)
      else { return nil }
      stepper = Stepper(machine)
      self.event = event
      weight = .record(RecordValue(typeName: name, fields: [.init("weight", .int(1))]))
      let nothing = Value.record(RecordValue(typeName: "Begin", fields: []))
      guard
        case .accepted(let first) = stepper.start(
          flow: 0, key: "1", event: begin, payload: nothing, caller: Caller(), now: 0),
        let payload = stepper.payload(of: event, weight)
      else { return nil }
      self.first = first.next
      self.payload = payload
    }
  }

  /// The instance is changed in place; each step starts from the previous one.
  private static func inPlace(_ name: String, flow text: String, event eventName: String, note: String) {
    guard let scene = Scene(text, event: eventName) else { return report(name, "did not start") }
    let (stepper, event, payload) = (scene.stepper, scene.event, scene.payload)
    var instance = scene.first
    let caller = Caller()
    var refused = 0
    func turn(_ turns: Int) {
      for turn in 0..<turns {
        do throws(Refusal) {
          _ = try stepper.advance(&instance, event: event, payload: payload, caller: caller, now: Int64(turn))
        } catch {
          refused += 1
        }
      }
    }
    let time = measureLoop(turns: 200_000, turn)
    let allocations = countAllocations { turn(1000) }
    guard refused == 0 else { return report(name, "\(refused) steps were refused") }
    let counts = "\(short(Double(allocations) / 1000)) allocations, \(instance.revision) steps"
    report(name, "\(short(time)) ns", note: "\(note); \(counts)")
  }

  /// Each step creates a new instance from a payload that is not decoded yet.
  private static func asValues(_ name: String, flow text: String, event eventName: String) {
    guard let scene = Scene(text, event: eventName) else { return report(name, "did not start") }
    let stepper = scene.stepper
    let input = Input.event(scene.event, payload: scene.weight, caller: Caller())
    var instance = scene.first
    let time = measure(turns: 50_000) {
      if case .accepted(let step) = stepper.step(instance, input, now: 1) { instance = step.next }
    }
    let allocations = countAllocations {
      if case .accepted(let step) = stepper.step(instance, input, now: 1) { instance = step.next }
    }
    report(name, "\(short(time)) ns", note: "\(allocations) allocations; \(instance.revision) steps")
  }
}
