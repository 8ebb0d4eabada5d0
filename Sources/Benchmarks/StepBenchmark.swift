import CEL
import FlowCompiler
import FlowMachine

/// Nanoseconds of a step of the machines that the language is measured by.
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

  static func run() {
    guard let program = compile("toggle.flow", load: { _ in Array(toggle.utf8) }).program,
      let machine = try? Machine(program), let begin = machine.event(named: "Begin"),
      let flip = machine.event(named: "Flip")
    else { return report("step", "did not compile") }
    let stepper = Stepper(machine)
    let nothing = Value.record(RecordValue(typeName: "Begin", fields: []))
    guard
      case .accepted(let first) = stepper.start(
        flow: 0, key: "1", event: begin, payload: nothing, caller: Caller(), now: 0)
    else { return report("step", "did not start") }
    var instance = first.next
    let payload = Value.record(RecordValue(typeName: "Flip", fields: [.init("weight", .int(1))]))
    let input = Input.event(flip, payload: payload, caller: Caller())
    let time = measure(turns: 200_000) {
      if case .accepted(let step) = stepper.step(instance, input, now: 1) { instance = step.next }
    }
    report("step of a two-state toggle", "\(short(time)) ns", "a guard and an assignment; \(instance.revision) steps")
  }
}
