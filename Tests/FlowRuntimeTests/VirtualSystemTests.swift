import CEL
import FlowCompiler
import FlowGenerator
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

/// The instances of a `test` with several flows reach each other as those of the engine do: the same random inputs make
/// the same steps in the same order.
@Suite("Virtual systems against the engine") struct VirtualSystemTests {
  static let folders = ["samples", "Tests/FlowTestingTests/Corpus/together"]
  static let samples = folders.flatMap { Sample.all(below: $0) }

  private func programs(_ sample: Sample) throws -> [GroupSimulation] {
    let folder = sample.url.deletingLastPathComponent()
    let compilation = compile(sample.url.lastPathComponent) { path in
      (try? Data(contentsOf: folder.appending(path: path))).map { Array($0) }
    }
    let program = try #require(compilation.program).withPlainActions
    return try GroupSimulation.groups(of: program).map { try GroupSimulation(program, flows: $0) }
  }

  @Test("random runs of the samples make the same steps", arguments: samples) func sampleRuns(_ sample: Sample) throws {
    for simulation in try programs(sample) {
      for seed in 1...60 { try compare(simulation, seed: UInt64(seed)) }
    }
  }

  @Test("random runs of random programs make the same steps", arguments: 0..<40) func randomPrograms(
    _ seed: Int
  ) throws {
    var writer = SystemWriter(seed: UInt64(seed))
    let text = writer.program()
    let compilation = compile("random.flow") { _ in Array(text.utf8) }
    let program = try #require(compilation.program, "\(text)").withPlainActions
    for flows in GroupSimulation.groups(of: program) {
      let simulation = try GroupSimulation(program, flows: flows)
      for run in 1...20 { try compare(simulation, seed: UInt64(run)) }
    }
  }

  private func compare(_ simulation: GroupSimulation, seed: UInt64) throws {
    let comparison = try SystemComparison(simulation)
    for input in simulation.inputs(seed: seed) {
      guard try comparison.make(input) else { return }
    }
  }
}

/// One run in both: in a virtual system, and in the engine on a store in memory.
private final class SystemComparison {
  private let simulation: GroupSimulation
  private var system: VirtualSystem
  private let world = ManualWorld()
  private let store = MemoryStore()
  private let engine: Engine
  private var entries: [JournalEntry] = []
  private var compared = 0
  private var made: [String] = []
  /// The keys that the engine gave to instances of flows without a key, by those of the virtual system.
  private var keys: [VirtualSystem.Name: String] = [:]

  init(_ simulation: GroupSimulation) throws {
    self.simulation = simulation
    system = VirtualSystem(stepper: simulation.stepper, flows: simulation.flows, now: TestRunner.start)
    world.advance(TestRunner.start - world.now())
    engine = try Engine(machine: simulation.stepper.machine, store: store, world: world)
  }

  /// Makes an input in both.
  /// - Returns: False when the run can't be compared further: the engine repeats what an incident has stopped, and has
  ///   no calls from outside.
  func make(_ input: SystemInput) throws -> Bool {
    made.append("\(input)")
    switch input {
    case .start: return false
    case .send(let event, let payload, let caller, let receiver):
      var command = EventCommand(
        event: simulation.program.events[event].name, payload: payload.json(in: simulation.stepper.machine.types))
      command.caller = caller
      command.flow = receiver.map { simulation.program.flows[$0.flow].name }
      command.key = receiver.map { key(of: $0) }
      _ = engine.submit(command)
    case .end(let target, let owner, let outcome):
      let item = system.work.first { $0.isOpen && $0.owner == owner && $0.job.target == target }
      try end(try #require(item), outcome)
    case .advance(let wait):
      let end = system.now + wait
      while let due = system.nextDue, due <= end {
        world.advance(max(due - world.now(), 0))
        engine.fireTimers()
        try settle()
        _ = system.fireNext(upTo: due)
        guard try isSame() else { return false }
      }
      world.advance(max(end - world.now(), 0))
      system.moveClock(to: end)
      return try isSame()
    }
    try settle()
    _ = system.make(input)
    return try isSame()
  }

  private func end(_ item: VirtualSystem.Work, _ outcome: CallOutcome) throws {
    let flow = simulation.program.flows[item.owner.flow].name
    let owner = try #require(try store.instance(flow: flow, key: key(of: item.owner)))
    let reference = item.job.reference
    let job = store.jobs.values.first {
      $0.instance == owner.id && $0.revision == reference.revision && $0.number == reference.number
    }
    let id = try #require(job, "\(made.joined(separator: "\n"))").id
    switch outcome {
    case .done(let value): engine.finish(id, .done(value.json(in: simulation.stepper.machine.types)))
    case .failed(let code, let message, _): engine.finish(id, .impossible(code: code, message: message))
    }
  }

  private func settle() throws {
    for _ in 0..<10_000 {
      let before = entries.count
      entries += try engine.commit()
      let started = engine.dispatch()
      entries += try engine.commit()
      if started.isEmpty, entries.count == before { return }
    }
    Issue.record("the engine does not come to rest")
  }

  private func key(of name: VirtualSystem.Name) -> String { keys[name] ?? name.key }

  // MARK: - Comparing

  /// Compares the steps since the last comparison, and all instances.
  /// - Returns: False after an incident.
  private func isSame() throws -> Bool {
    let flows = Set(simulation.flows.map { simulation.program.flows[$0].name })
    let steps = entries.filter { $0.kind == .step && flows.contains($0.flow) }
    let own = system.occurrences.compactMap { occurrence -> (name: VirtualSystem.Name, step: Step)? in
      guard case .accepted(let step) = occurrence.outcome, step.disposition != .stale else { return nil }
      return (occurrence.name, step)
    }
    let log = "\(made.joined(separator: "\n"))"
    for index in compared..<min(steps.count, own.count) {
      let (name, step) = own[index]
      let flow = simulation.program.flows[name.flow]
      if flow.key == nil, keys[name] == nil { keys[name] = steps[index].key }
      let expected = "\(steps[index].flow)/\(steps[index].key) \(steps[index].revision)"
      try #require("\(flow.name)/\(key(of: name)) \(step.next.revision)" == expected, "\(log)")
      let states = steps[index].body["to"]?.array?.compactMap(\.string) ?? []
      try #require(step.to == states, "\(log)")
    }
    try #require(steps.count == own.count, "\(log)\n\(entries.map(\.kind))")
    compared = steps.count
    for name in system.names {
      let instance = try #require(system[name])
      let flow = simulation.program.flows[name.flow].name
      let row = try #require(try store.instance(flow: flow, key: key(of: name)))
      try #require(row.status.machineStatus == instance.status, "\(log)")
      let data = instance.dataJSON(in: simulation.stepper.machine)
      try #require(try JSON(parsing: row.data) == data, "\(log)")
    }
    return !entries.contains { $0.kind == .incident }
  }
}

extension Program {
  /// The program with actions that need nothing from outside, and are tried once.
  fileprivate var withPlainActions: Program {
    var copy = self
    let text = SourcedExpression(
      text: "\"\"", base: 0, tree: TypedExpression(SourceRange(0, 2), .string, .constant(.string(""))))
    for index in copy.actions.indices {
      copy.actions[index].binding = .log(text)
      copy.actions[index].environment = []
      copy.actions[index].policy = Policy()
      copy.actions[index].signature = nil
      copy.actions[index].concurrency = nil
      copy.actions[index].rateKey = nil
    }
    for flow in copy.flows.indices {
      for call in copy.flows[flow].calls.indices { copy.flows[flow].calls[call].policy = Policy() }
    }
    return copy
  }
}

/// Writes small programs whose flows emit to each other and call each other.
private struct SystemWriter {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(state: seed) }

  private mutating func below(_ bound: Int) -> Int { random.next(below: bound) }

  private mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  /// Two or three flows with a key, which start on events, emit to each other, and call one that has parameters.
  mutating func program() -> String {
    let count = 2 + below(2)
    var text = "action work(id: string) -> int fails LOST { worker \"work\" }\nevent Stop { id: string }\n"
    for index in 0..<count {
      text += "event Begin\(index) { id: string }\nevent Poke\(index) { id: string  n: int = 1 }\n"
    }
    for index in 0..<count { text += flow(index, of: count) }
    return text + called()
  }

  private mutating func flow(_ index: Int, of count: Int) -> String {
    let again = chance(40) ? " again" : ""
    var text = """
      flow F\(index) {
        key id
        data { id: string  n: int = 0  got: int = 0 }
        start on Begin\(index)\(again) -> s0 do { id = event.id\(emission(by: index, of: count)) }

      """
    for state in 0..<3 { text += self.state(state, of: index, count) }
    return text + "  final over { \(chance(50) ? "entry emit Poke\((index + 1) % count){id: id, n: n}" : "") }\n"
      + "  failed lost\n}\n"
  }

  private mutating func state(_ state: Int, of index: Int, _ count: Int) -> String {
    var text = "  state s\(state) {\n"
    let next = state == 2 ? "over" : "s\(state + 1)"
    if chance(40) { text += "    exit emit Poke\((index + 1 + below(count - 1)) % count){id: id, n: n}\n" }
    if chance(30) { text += "    defer Poke\(index)\n" } else { text += poke(state, of: index, count, next: next) }
    if chance(60) {
      let callee = chance(60) ? "Child(name: id + \"/\(chance(50) ? "x" : "\(state)")\")" : "work(id: id)"
      let once = chance(30) ? " once id" : ""
      text += "    call \(callee) as c\(state)\(once)\n"
      text += "    on c\(state).done -> \(next) do got = event.result\n"
      text += "    on c\(state).failed -> \(chance(50) ? "lost" : next)\n"
    }
    if chance(50) { text += "    after \(1 + below(3))m -> \(next)\n" }
    text += "    on Stop when n > 2 -> lost\n    on Stop -> over\n"
    return text + "    on Begin\(index == 0 ? 1 : 0) -> \(next)\n  }\n"
  }

  private mutating func poke(_ state: Int, of index: Int, _ count: Int, next: String) -> String {
    var text = "    on Poke\(index) when n < \(2 + below(3)) do { n = n + event.n\(emission(by: index, of: count)) }\n"
    if chance(70) { text += "    on Poke\(index) -> \(next)\n" }
    return text
  }

  private mutating func emission(by index: Int, of count: Int) -> String {
    guard chance(60) else { return "" }
    let other = (index + 1 + below(count - 1)) % count
    let event = chance(50) ? "Begin" : "Poke"
    return "  emit \(event)\(other){id: \(key())}"
  }

  private mutating func key() -> String { ["id", "\"a\"", "\"b\"", "event.id"][below(4)] }

  /// A flow that is called, with a result and a failure.
  private mutating func called() -> String {
    let delay = chance(50) ? "1m" : "2m"
    return """
      flow Child(name: string) -> int {
        key name
        start -> busy do emit Poke0{id: name}
        state busy {
          exit emit Poke1{id: "a", n: 2}
          call work(id: name) as job
          on job.done -> well
          on job.failed -> ill
          after \(delay) -> ill
        }
        final well returns 7
        failed ill
      }
      """
  }
}
