import CEL
import FlowCompiler
import FlowGenerator
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource
import FlowTestSupport
import Foundation
import Testing

@Suite struct ProgramTests {
  private func program(_ name: String) throws -> Program {
    let folder = name.hasPrefix("everything") ? "Tests/FlowCompilerTests/Corpus/accepted" : "samples"
    let compilation = compile(name) { path in
      (try? Data(contentsOf: packageRoot.appending(path: "\(folder)/\(path)"))).map { Array($0) }
    }
    #expect(!compilation.diagnostics.hasErrors)
    return try #require(compilation.program)
  }

  static let samples = ["order.flow", "approval.flow", "payments.flow", "everything.flow"]

  @Test("the JSON of a program reads back as the same program", arguments: samples)
  func jsonRoundTrip(_ name: String) throws {
    let program = try program(name)
    let text = program.json.text(.canonical)
    let read = try Program(json: JSON(parsing: text))
    #expect(read == program)
    #expect(read.json.text(.canonical) == text)
    #expect(read.hash == program.hash && read.hash.count == 64)
  }

  @Test("compiling twice gives the same hash", arguments: samples)
  func deterministicHash(_ name: String) throws {
    #expect(try program(name).hash == program(name).hash)
  }

  @Test("chained `let`s and thousands of guards are checked in bounded time", .timeLimit(.minutes(5)))
  func boundedChecks() {
    let lets = (1...40).map { "  let v\($0) = v\($0 - 1) + v\($0 - 1)" }.joined(separator: "\n")
    let guards = (0..<2000).map { "    on E when event.n == \($0) && v40 > \($0) -> over" }.joined(separator: "\n")
    let text = """
      event Begin { id: string }
      event E { n: int }
      flow F {
        key id
        data { id: string  v0: int = 1 }
      \(lets)
        start on Begin -> waiting do id = event.id
        state waiting {
      \(guards)
        }
        final over
      }
      """
    let start = ContinuousClock.now
    #expect(compile("many.flow") { _ in Array(text.utf8) }.program != nil)
    #expect(ContinuousClock.now - start < .seconds(60))
  }

  /// A changed IR file is rejected or gives a valid program; loading never crashes.
  @Test("a tampered IR file is rejected or valid, and never crashes") func tamperedIR() throws {
    let json = try program("order.flow").json
    var generator = SplitMix64(state: 7)
    var refused = 0
    for _ in 0..<3000 {
      do throws(ProgramError) {
        try drive(try Machine(try Program(json: tamper(json, &generator))))
      } catch {
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  /// Starts an order and pays it; the outcome does not matter.
  private func drive(_ machine: Machine) throws(ProgramError) {
    let stepper = Stepper(machine)
    guard let placed = machine.event(named: "Placed"), let paid = machine.event(named: "Paid") else { return }
    let order: JSON = [
      "order_id": "o", "email": "e", "items": [["sku": "x", "qty": 1, "price": .double(1)]],
    ]
    guard !machine.program.flows.isEmpty,
      case .success(let payload) = Value.from(order, as: .record("Placed"), in: machine.types),
      case .success(let money) = Value.from(["amount": 1], as: .record("Paid"), in: machine.types),
      case .accepted(let step) = stepper.start(
        flow: 0, key: "o", event: placed, payload: payload, caller: Caller(), now: 0)
    else { return }
    _ = stepper.step(step.next, .event(paid, payload: money, caller: Caller()), now: 1)
    for timer in step.next.timers {
      _ = stepper.step(step.next, .timer(transition: timer.transition, armed: timer.armed), now: 2)
    }
  }

  /// Changes one value of a document.
  private func tamper(_ json: JSON, _ generator: inout SplitMix64) -> JSON {
    switch json {
    case .object(var members) where !members.isEmpty && generator.next() % 8 != 0:
      let index = Int(generator.next() % UInt64(members.count))
      members[index].value = tamper(members[index].value, &generator)
      return .object(members)
    case .array(var values) where !values.isEmpty && generator.next() % 8 != 0:
      let index = Int(generator.next() % UInt64(values.count))
      values[index] = tamper(values[index], &generator)
      return .array(values)
    default:
      let others: [JSON] = [.null, .int(-1), .int(99), .int(.max), "x", [], [[1]], .object([]), true, .double(0.5)]
      return others[Int(generator.next() % UInt64(others.count))]
    }
  }

  @Test("an unknown version of the IR is rejected") func unknownVersion() {
    #expect(throws: ProgramError.self) { try Program(json: ["ir": 2]) }
    #expect(throws: ProgramError.self) { try Program(json: ["ir": 1, "surprise": 1]) }
    #expect(throws: ProgramError.self) { try Program(json: [1, 2]) }
  }

  // MARK: - Imports

  /// Files that import each the next, the last without an import.
  private func chain(_ count: Int) -> (String) -> [UInt8]? {
    { path in
      guard let index = Int(path.dropFirst().dropLast(5)), index < count else { return nil }
      let next = index + 1 < count ? "import \"f\(index + 1).flow\"\n" : ""
      return Array("\(next)type T\(index) { a: int }\n".utf8)
    }
  }

  @Test("each file comes after those that it imports, in a chain of 5,000 too") func longChain() throws {
    let program = try #require(compile("f0.flow", load: chain(5000)).program)
    #expect(program.types.prefix(2).map(\.name) == ["T4999", "T4998"])
    #expect(program.types.contains { $0.name == "T0" })
  }

  @Test("at most 10,000 files are read together, and the message says so") func tooManyFiles() throws {
    let errors = compile("f0.flow", load: chain(10_001)).diagnostics.filter { $0.severity == .error }
    #expect(errors.map(\.message) == ["cannot read `f10000.flow`: at most 10000 files are read together"])
  }

  @Test("a file that does not exist is not reported as one too many") func missingAtLimit() throws {
    let files = chain(10_000)
    let compilation = compile("f0.flow") { path in
      path == "f9999.flow" ? Array("import \"nope.flow\"\ntype T9999 { a: int }\n".utf8) : files(path)
    }
    let errors = compilation.diagnostics.filter { $0.severity == .error }
    #expect(errors.map(\.message) == ["there is no readable file `nope.flow`"])
  }

  @Test("a cycle of imports is reported once, with each import") func cycleOfImports() throws {
    let names = ["a", "b", "c"]
    let compilation = compile("a.flow") { path in
      guard let index = names.firstIndex(of: String(path.dropLast(5))) else { return nil }
      return Array("import \"\(names[(index + 1) % 3]).flow\"\n".utf8)
    }
    let cycle = try #require(compilation.diagnostics.first { $0.code == "F109" })
    #expect(compilation.diagnostics.count { $0.code == "F109" } == 1)
    #expect(cycle.message == "files import each other in a cycle: `a.flow` → `b.flow` → `c.flow` → `a.flow`")
    let labels = cycle.labels.compactMap { compilation.sources.file(at: $0.range.lower)?.name }
    #expect(labels == ["a.flow", "b.flow"])
    #expect(compilation.sources.file(at: cycle.range.lower)?.name == "c.flow")
  }
}
