import FlowTestSupport
import Foundation
import Testing

/// Settings of the binary and of the units that make a fault in the program less useful for an attacker.
@Suite struct HardeningTests {
  @Test("addresses of library functions in the binary can't be written after its start")
  func theBinaryIsHardened() throws {
    let binary = ServerProcess.binary.path
    let headers = try runProgram("readelf", "-lW", binary)
    try #require(headers.code == 0)
    #expect(headers.output.contains("GNU_RELRO"))
    #expect(headers.output.contains("DYN (Position-Independent Executable file)"))
    let stack = headers.output.split(separator: "\n").first { $0.contains("GNU_STACK") }
    #expect(stack?.contains("RWE") == false, "the stack is not executable")
    let flags = try runProgram("readelf", "-dW", binary).output
    #expect(flags.contains("BIND_NOW") || flags.contains("NOW"), "\(flags)")
  }

  @Test("both units limit the process", arguments: ["Docs/flow.service", "packaging/flow.service"])
  func unitsLimitTheProcess(_ path: String) throws {
    let text = try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
    let settings = Set(text.split(separator: "\n").map(String.init))
    for setting in [
      "LimitCORE=0", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077", "CapabilityBoundingSet=",
      "SystemCallFilter=@system-service",
    ] {
      #expect(settings.contains(setting), "\(setting)")
    }
    #expect(settings.contains { $0.hasPrefix("MemoryMax=") })
  }
}
