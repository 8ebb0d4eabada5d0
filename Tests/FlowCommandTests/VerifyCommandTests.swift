import FlowTestSupport
import Foundation
import Testing

/// `flow verify` as a program, with the solver that is installed.
@Suite struct VerifyCommandTests {
  static let isSolverInstalled = FileManager.default.isExecutableFile(atPath: "/usr/bin/z3")
  private static let sample = "Tests/FlowVerifyTests/Corpus/solver/share.flow"

  @Test("a solver finds an invariant that the exploration has not", .enabled(if: isSolverInstalled))
  func invariant() throws {
    let with = try FlowProcess.run("verify", Self.sample, "--strict")
    #expect(with.code == 0, "\(with.output)\(with.errors)")
    #expect(with.output.contains("an invariant that a solver has found\n           `running`: requests >= answers\n"))
  }

  @Test("without a solver the property is unknown, with the expression that was not decided") func unknown() throws {
    let without = try FlowProcess.run("verify", Self.sample, "--strict", "--solver", "none")
    #expect(without.code == 1)
    #expect(without.output.contains("`100 / (1 + requests - answers)` may fail: a run was not found"))
  }

  @Test("flows are verified together on request") func together() throws {
    let folder = "Tests/FlowVerifyTests/Corpus"
    let proved = try FlowProcess.run("verify", "\(folder)/together-proved/door.flow", "--together")
    #expect(proved.code == 0 && proved.output.contains("Lock with Door  "))
    let broken = try FlowProcess.run("verify", "\(folder)/together-broken/request.flow", "--together")
    #expect(broken.code == 1 && broken.output.contains("with Client, Server {"))
    let single = try FlowProcess.run("verify", Self.sample, "--together")
    #expect(single.code == 2 && single.errors.contains("no flow sends events to another one"))
  }
}
