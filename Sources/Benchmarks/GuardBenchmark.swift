import CEL
import FlowSource

/// Nanoseconds of a guard, next to the same guard written in Swift.
enum GuardBenchmark {
  static func run() {
    var environment = Environment()
    environment.declare(variable: "amount", type: .double, slot: 0)
    environment.declare(variable: "status", type: .string, slot: 1)
    let text = #"amount > 100.0 && status == "paid""#
    guard let tree = environment.check(parse(text).0, expecting: .bool).expression,
      let program = try? Program(tree, types: environment.types)
    else { return report("guard", "did not compile") }
    let evaluator = Evaluator(types: environment.types)
    let frame = Frame(count: 2)
    frame[0] = .double(150)
    frame[1] = evaluator.slot(.string("paid"), as: .string)
    var held = 0
    let time = measure(turns: 2_000_000) {
      if (try? evaluator.isTrue(program, frame: frame)) == true { held += 1 }
    }
    let inSwift = measure(turns: 2_000_000) { if byHand(150, "paid") { held += 1 } }
    report("guard  \(text)", "\(short(time)) ns", "by hand in Swift \(short(inSwift)) ns; held \(held) times")
  }

  @inline(never)
  private static func byHand(_ amount: Double, _ status: String) -> Bool { amount > 100.0 && status == "paid" }
}
