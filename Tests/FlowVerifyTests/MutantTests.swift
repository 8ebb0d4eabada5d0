import CEL
import FlowCompiler
import FlowIR
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

@testable import FlowVerify

/// Faults that are planted in flows: where random runs show that a fault breaks something, no verdict may overlook it.
@Suite struct MutantTests {
  /// `FLOW_LONG_TESTS` adds the samples, all mutants, and more random runs that decide whether a mutant has a fault.
  static let flows = (Soundness.folders + (Soundness.isLong ? ["Tests/Peers/spin"] + Soundness.samples : []))
    .flatMap { Sample.all(in: $0) }

  @Test("No planted fault is overlooked", arguments: flows)
  func faultsAreNotOverlooked(_ sample: Sample) throws {
    guard let program = Soundness.program(sample) else { return }
    var (shown, open) = (0, 0)
    for flow in program.flows.indices {
      for mutant in Mutant.all(of: program, in: flow).prefix(Soundness.isLong ? 40 : 12) {
        let finding = try Simulation(mutant, flow: flow).run(count: Soundness.isLong ? 1000 : 150, seed: 1).finding
        guard let finding else { continue }
        let verdicts = try Soundness.report(mutant, flow).properties.map(\.verdict)
        let isShown = verdicts.contains { verdict in
          if case .refuted(let example) = verdict { example.severity != .warning } else { false }
        }
        let isOpen = verdicts.contains { if case .unknown = $0 { true } else { false } }
        #expect(isShown || isOpen, "\(sample): \(finding.message)\n\(finding.test)")
        if isShown { shown += 1 } else { open += 1 }
      }
    }
    if Soundness.isLong { print("mutants of \(sample.name): \(shown) broken, \(open) unknown") }
  }
}

/// Programs with one small change.
enum Mutant {
  static func all(of program: Program, in number: FlowIndex) -> [Program] {
    var found: [Program] = []
    let flow = program.flows[number]
    func changed(_ program: Program, _ change: (inout Flow) -> Void) -> Program {
      var program = program
      change(&program.flows[number])
      return program
    }
    for index in flow.transitions.indices {
      if flow.transitions[index].guardExpression != nil {
        found.append(changed(program) { $0.transitions[index].guardExpression = nil })
      }
      for act in flow.transitions[index].statements.indices {
        found.append(changed(program) { $0.transitions[index].statements.remove(at: act) })
        found.append(
          changed(program) { $0.transitions[index].statements.append($0.transitions[index].statements[act]) })
      }
      for target in flow.states.indices
      where flow.states[target].children.isEmpty && flow.states[target].parent == .root
        && flow.transitions[index].target.map({ $0 != target }) ?? false
      {
        found.append(
          changed(program) {
            $0.transitions[index].target = target
            $0.transitions[index].arguments = []
          })
      }
    }
    for start in flow.starts.indices where flow.starts[start].guardExpression != nil {
      found.append(changed(program) { $0.starts[start].guardExpression = nil })
    }
    return found
  }
}
