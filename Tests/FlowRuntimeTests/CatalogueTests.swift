import FlowGenerator
import FlowIR
import FlowMachine
import Testing

@testable import FlowRuntime

/// What the catalogue keeps for events is what its entries say.
@Suite("The catalogue of served flows") struct CatalogueTests {
  /// A program of two flows, each of which reacts to two of six events; the first of the program is internal.
  private static func program(_ number: Int) throws -> Machine {
    let events = (0..<4).map { "E\((number + $0) % 6)" }
    let declared = events.enumerated().map { "\($0 == 0 ? "internal " : "")event \($1) { id: string }\n" }.joined()
    let flows = (0..<2).map { index in
      """
      flow F\((number + index) % 5) {
        key id
        data { id: string }
        start on \(events[1 + index]) -> open do take id
        state open {
          on \(events[2 + index]) by role\(number) -> over
          \(index == 0 ? "on \(events[0]) -> over" : "")
        }
        final over
      }
      """
    }
    return try TestEngine.make("\(declared)role role\(number)\n" + flows.joined(separator: "\n")).get()
  }

  @Test("after any deployments, an event reaches the flows that react to it, in their order", arguments: 0..<8)
  func reached(seed: Int) throws {
    var random = SplitMix64(seed: seed)
    let programs = try (0..<6).map { try CatalogueTests.program($0) }
    var catalogue = Catalogue()
    var copies: [(catalogue: Catalogue, events: [String])] = []
    for turn in 0..<60 {
      if random.next(below: 4) == 0 {
        catalogue.retire("F\(random.next(below: 5))")
      } else {
        let machine = programs[random.next(below: 6)]
        let flow = FlowIndex(random.next(below: 2))
        catalogue.add(
          Catalogue.Entry(
            name: machine.program.flows[flow].name, machine: machine, flow: flow, hash: machine.program.hash,
            origin: "api", deployedAt: Int64(turn)))
      }
      check(catalogue)
      copies.append((catalogue, catalogue.events))
    }
    #expect(copies.allSatisfy { $0.catalogue.events == $0.events }, "a copy does not change with the original")
    #expect(catalogue.generation == 60)
  }

  private func check(_ catalogue: Catalogue) {
    for event in (0..<7).map({ "E\($0)" }) {
      let expected = catalogue.entries.filter { $0.isReached(by: event) }.map(\.name)
      #expect(catalogue.reached(by: event).map(\.name) == expected)
      let declaring = catalogue.entries.filter { $0.machine.event(named: event) != nil }
      #expect(catalogue.declares(event: event) == !declaring.isEmpty)
      let isInternal = declaring.contains { entry in
        entry.machine.event(named: event).map { entry.machine.isInternal(event: $0) } ?? false
      }
      #expect(catalogue.declares(internalEvent: event) == isInternal)
    }
    let machines = catalogue.entries.map(\.machine)
    #expect(Set(catalogue.machines.map(ObjectIdentifier.init)) == Set(machines.map(ObjectIdentifier.init)))
    #expect(Set(catalogue.roles) == Set(machines.flatMap(\.program.roles)))
    #expect(Set(catalogue.events) == Set(machines.flatMap { $0.program.events.map(\.name) }))
  }
}
