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
  static let flows =
    (Soundness.folders + (Soundness.isLong ? Soundness.samples : [])).flatMap { Sample.all(in: $0) }

  @Test("No planted fault is overlooked", arguments: flows)
  func faultsAreNotOverlooked(_ sample: Sample) throws {
    guard let program = Soundness.program(sample) else { return }
    var faults = 0
    for mutant in Mutant.all(of: program).prefix(Soundness.isLong ? 20 : 12) {
      let finding = try Simulation(mutant, flow: 0).run(count: Soundness.isLong ? 1000 : 150, seed: 1).finding
      guard let finding else { continue }
      faults += 1
      let report = try Soundness.report(mutant, 0)
      let isSeen = report.properties.contains { result in
        switch result.verdict {
        case .proved: return false
        case .unknown: return true
        case .refuted(let example): return example.severity != .warning
        }
      }
      #expect(isSeen, "\(sample): \(finding.message)\n\(finding.test)")
    }
    if Soundness.isLong { print("mutants of \(sample): \(faults) faults") }
  }
}

/// Programs with one small change.
enum Mutant {
  static func all(of program: Program) -> [Program] {
    var found: [Program] = []
    let flow = program.flows[0]
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

  private static func changed(_ program: Program, _ change: (inout Flow) -> Void) -> Program {
    var program = program
    change(&program.flows[0])
    return program
  }
}
