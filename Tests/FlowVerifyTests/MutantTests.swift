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
  /// The number of random runs that decide whether a mutant has a fault; `FLOW_LONG_TESTS` raises it.
  private static let isLong = ProcessInfo.processInfo.environment["FLOW_LONG_TESTS"] != nil

  static let flows =
    Sample.all(in: "Tests/FlowVerifyTests/Corpus/proved") + Sample.all(in: "Tests/FlowVerifyTests/Corpus/broken")

  @Test("No planted fault is overlooked", arguments: flows)
  func faultsAreNotOverlooked(_ sample: Sample) throws {
    let compilation = compile("sample.flow") { _ in Array(sample.text.utf8) }
    let program = try #require(compilation.program)
    var faults = 0
    for mutant in Mutant.all(of: program).prefix(Self.isLong ? .max : 12) {
      let finding = try Simulation(mutant, flow: 0).run(count: Self.isLong ? 5000 : 150, seed: 1).finding
      guard let finding else { continue }
      faults += 1
      let report = try Verification(mutant, flow: 0).run(isGivenUp: { false })
      let isSeen = report.properties.contains { result in
        switch result.verdict {
        case .proved: return false
        case .unknown: return true
        case .refuted(let example): return example.severity != .warning
        }
      }
      #expect(isSeen, "\(sample): \(finding.message)\n\(finding.test)")
    }
    print("mutants of \(sample): \(faults) faults")
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
