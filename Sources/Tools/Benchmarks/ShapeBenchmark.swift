import CEL
import FlowCompiler
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowServer
import FlowSource
import FlowStoreSQLite
import Foundation

/// The growth of the cost of an operation with the size of its input.
///
/// Each shape is measured at two sizes, the second ten times the first. The exponent is the decimal logarithm of the
/// ratio of the two times: 1 is linear. It does not depend on the speed of the machine, nor, as far as the times are
/// those of the processor, on what else it does.
enum ShapeBenchmark {
  struct Shape: Sendable {
    var name: String
    /// The smaller size.
    var size: Int
    /// Prepares an input of some size, and returns the operation whose time is measured; nil when it can't be prepared.
    var prepare: @Sendable (Int) -> (() -> Bool)?
  }

  /// The folder of the stores.
  private static let folder = FileManager.default.temporaryDirectory.appending(path: "flow-shape-\(getpid())")

  /// Prints the exponents.
  static func run() { _ = printed() }

  /// Prints the exponents, and ends with status 1 if one is above the limit that the only argument gives.
  static func check(_ arguments: [String]) {
    let limit = arguments.first.flatMap(Double.init) ?? 1.1
    exit(printed().allSatisfy { $0.map { $0 <= limit } ?? false } ? 0 : 1)
  }

  private static func printed() -> [Double?] {
    defer { try? FileManager.default.removeItem(at: folder) }
    return (checks + runs).map { shape in
      let exponent = exponent(of: shape)
      let sizes = "\(shape.size) to \(10 * shape.size)"
      report("growth with \(shape.name)", exponent.map { hundredths($0) } ?? "failed", note: sizes)
      return exponent
    }
  }

  private static func hundredths(_ value: Double) -> String { String(format: "%.2f", value) }

  private static func exponent(of shape: Shape) -> Double? {
    guard let small = time(shape, size: shape.size), let large = time(shape, size: 10 * shape.size) else { return nil }
    return log10(large / small)
  }

  /// The shortest of five times, each of at least ten milliseconds, in nanoseconds.
  private static func time(_ shape: Shape, size: Int) -> Double? {
    guard let operation = shape.prepare(size), operation() else { return nil }
    let start = processorNanoseconds()
    guard operation() else { return nil }
    let turns = max(1, Int(10_000_000 / max(1, processorNanoseconds() - start)))
    return measure(turns: turns, clock: processorNanoseconds) { _ = operation() }
  }
}

// MARK: - Checking

extension ShapeBenchmark {
  static let checks = [
    checked("states in a row", 100) { count in
      flow((0..<count).map { "state s\($0) { on Go -> s\($0 + 1) }" }.joined(separator: "\n") + "\nstate s\(count) {}")
    },
    checked("nested states", 3) { count in
      let opened = (0..<count).map { "\($0 == 0 ? "" : "initial ")state s\($0) { " }.joined()
      return flow(opened + "on Go -> end" + String(repeating: " }", count: count))
    },
    checked("chained lets", 10) { count in
      let lets = (0..<count).map { "let l\($0) = \($0 == 0 ? "n" : "l\($0 - 1)") + 1\n" }.joined()
      return flow(lets + "state s0 { on Go when l\(count - 1) > 0 -> end }")
    },
    checked("guards of one event", 50) { count in
      let guards = (0..<count).map { "on Go when n == \($0) -> end\n" }.joined()
      return flow("state s0 { \(guards) on Go -> end }")
    },
    checked("terms of a guard", 50) { count in
      let terms = (0..<count).map { "n != \($0)" }.joined(separator: " && ")
      return flow("state s0 { on Go when \(terms) -> end }")
    },
    checked("data fields", 100) { count in
      let fields = (0..<count).map { "f\($0): int = \($0)" }.joined(separator: "  ")
      return flow("state s0 { on Go -> end do f\(count - 1) = f0 }", data: fields)
    },
    checked("assigned fields", 300) { count in
      let fields = (0..<count).map { "f\($0): int = \($0)" }.joined(separator: "  ")
      let assignments = (0..<count).map { "f\($0) = n\n" }.joined()
      return flow("state s0 { on Go do {\n\(assignments)} }", data: fields)
    },
    checked("events of a state", 100) { count in
      let reactions = (0..<count).map { "on E\($0) do emit E\(($0 + 1) % count){}\n" }.joined()
      return (0..<count).map { "event E\($0)\n" }.joined() + flow("state s0 { \(reactions) on Go -> end }")
    },
    checked("steps of a state", 100) { count in
      let steps = (0..<count).map { "s\($0): work(i: \($0 == 0 ? "n" : "s\($0 - 1).result"))\n" }.joined()
      return work + flow("state s0 { steps { \(steps) } on done -> end  on failed -> end }")
    },
    checked("calls with handlers", 50) { count in
      let states = (0..<count).map { index in
        """
        state s\(index) {
          call work(i: n) as c\(index)
          on c\(index).done -> s\(index + 1)
          on c\(index).failed when event.code == "TIMEOUT" -> s\(index)
          on c\(index).failed -> end
        }

        """
      }
      return work + flow(states.joined() + "state s\(count) {}")
    },
    checked("flows of a file", 20) { count in
      (0..<count).map { flow("state s0 { on Go -> end }", name: "F\($0)") }.joined()
        .replacing("event Go\nevent Stop\n", with: "", maxReplacements: count - 1)
    },
  ]

  private static let work = "action work(i: int) -> int { worker \"work\" }\n"

  private static func flow(_ body: String, data: String = "", name: String = "F") -> String {
    """
    event Go
    event Stop
    flow \(name) {
    data { n: int = 0  \(data) }
    start on Go -> s0
    on Stop -> end
    \(body)
    final end
    }

    """
  }

  private static func checked(
    _ name: String, _ size: Int, text: @escaping @Sendable (Int) -> String
  ) -> Shape {
    Shape(name: name, size: size) { size in
      let bytes = Array(text(size).utf8)
      return { !compile(["shape.flow"], isLowered: false, load: { _ in bytes }).diagnostics.hasErrors }
    }
  }
}

// MARK: - Running

extension ShapeBenchmark {
  static let runs = [
    Shape(name: "elements of a list in a guard", size: 1000) { size in
      let list = "[" + (0..<size).map(String.init).joined(separator: ", ") + "]"
      return steps(
        flow(
          "state s0 { on Go when items.all(i, i >= 0) do n = n + 1 }",
          data: "items: list<int> = \(list)"),
        turns: 1)
    },
    Shape(name: "steps of an instance", size: 100) { size in
      steps(flow("state s0 { on Go do n = n + 1 }"), turns: size)
    },
    Shape(name: "deferred events", size: 6) { size in
      steps(
        "event Later\n"
          + flow("state s0 { defer Later  on Go -> s1 }\nstate s1 { on Later do n = n + 1  on Go -> s0 }"),
        turns: size, event: "Later", last: "Go")
    },
    Shape(name: "items of a fan-out", size: 100) { size in
      let list = "[" + (0..<size).map(String.init).joined(separator: ", ") + "]"
      let text =
        "action work(i: int) { log \"x\" }\n"
        + flow(
          "state s0 { on Go -> s1 }\nstate s1 { call work(i: x) as each for x in items  on Go -> s0 }",
          data: "items: list<int> = \(list)")
      return steps(text, turns: 1)
    },
    Shape(name: "instances of a store", size: 1000) { size in
      engine(ServerBenchmark.counter, event: "Begin", instances: size) { index in
        EventCommand(flow: "Counter", key: "c\(index * 7919 % size)", event: "Add", payload: ["n": 1])
      }
    },
    Shape(name: "flows of a server", size: 20) { size in
      let flows = (0..<size).map { number in
        """
        event Begin\(number) { id: string }
        event Add\(number) { id: string }
        flow F\(number) {
          key id
          data { id: string  total: int = 0 }
          start on Begin\(number) -> open do take id
          ongoing
          state open { on Add\(number) do total = total + 1 }
        }

        """
      }
      return engine(flows.joined(), event: "Begin7", instances: 1) { _ in
        EventCommand(event: "Add7", payload: ["id": "c0"])
      }
    },
    Shape(name: "subscribers of other instances", size: 100) { live(subscribers: 1, others: $0) },
    Shape(name: "subscribers of an instance", size: 100) { live(subscribers: $0, others: 0) },
  ]

  /// Starts an instance and applies an event some times. With `last`, that event follows them.
  private static func steps(_ text: String, turns: Int, event: String = "Go", last: String? = nil) -> (() -> Bool)? {
    guard let program = compile("shape.flow", load: { _ in Array(text.utf8) }).program,
      let machine = try? Machine(program), let begin = machine.event(named: "Go"),
      let event = machine.event(named: event)
    else { return nil }
    let stepper = Stepper(machine)
    let nothing = Value.record(RecordValue(typeName: "Go", fields: []))
    guard
      case .accepted(let first) = stepper.start(
        flow: 0, key: "1", event: begin, payload: nothing, caller: Caller(), now: 0)
    else { return nil }
    let payload = Value.record(RecordValue(typeName: machine.program.events[event].name, fields: []))
    return {
      var instance = first.next
      for turn in 0..<turns {
        let input = Input.event(event, payload: payload, caller: Caller())
        guard case .accepted(let step) = stepper.step(instance, input, now: Int64(turn)) else { return false }
        instance = step.next
      }
      guard let last = last.flatMap(machine.event) else { return true }
      let input = Input.event(last, payload: nothing, caller: Caller())
      if case .accepted = stepper.step(instance, input, now: 0) { return true }
      return false
    }
  }

  /// A hundred events to instances of a store of some size. Their cost does not depend on the others.
  private static func engine(
    _ text: String, event: String, instances: Int, command: @escaping @Sendable (Int) -> EventCommand
  ) -> (() -> Bool)? {
    let folder = folder.appending(path: "\(text.utf8.count)-\(instances)")
    guard let program = compile("shape.flow", load: { _ in Array(text.utf8) }).program,
      let machine = try? Machine(program),
      (try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)) != nil,
      let store = try? SQLiteStore(path: folder.appending(path: "shape.db").path),
      let engine = try? Engine(machine: machine, store: store, world: BenchmarkWorld())
    else { return nil }
    for index in 0..<instances {
      _ = engine.submit(EventCommand(event: event, payload: ["id": .string("c\(index)")]))
      if index % 1000 == 999 { _ = try? engine.commit() }
    }
    return {
      for index in 0..<100 {
        guard case .success = engine.submit(command(index)) else { return false }
      }
      return (try? engine.commit()) != nil
    }
  }

  /// A thousand entries of an instance that go to its subscribers. Their cost does not depend on those of others.
  private static func live(subscribers: Int, others: Int) -> (() -> Bool)? {
    let hub = LiveHub()
    let count = 1000
    let isSent = DispatchSemaphore(value: 0)
    for index in 0..<others { hub.watch(flow: "F", key: "other\(index)", after: 0) { _ in } }
    for _ in 1..<subscribers { hub.watch(flow: "F", key: "own", after: 0) { _ in } }
    hub.watch(flow: "F", key: "own", after: 0) { if $0.sequence % Int64(count) == 0 { isSent.signal() } }
    // One that is added later would read the entries from a journal, which is not there.
    hub.queue.sync {}
    var last: Int64 = 0
    return {
      let entries = (1...count).map { offset in
        JournalEntry(
          sequence: last + Int64(offset), instance: 1, flow: "F", key: "own", revision: offset, kind: .log, at: 0,
          body: ["text": "x"])
      }
      last += Int64(count)
      hub.publish(entries)
      return isSent.wait(timeout: .now() + 60) == .success
    }
  }
}
