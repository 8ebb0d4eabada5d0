import Foundation

/// One run of the binary to its end.
public struct FlowProcess: Sendable {
  public var code: Int32
  public var output: String
  public var errors: String

  /// The timeout of a run, in seconds.
  static let patience = 120.0

  /// Runs `flow` in a folder, by default that of the package.
  public static func run(
    _ arguments: String..., input: String = "", in folder: URL = packageRoot, environment: [String: String] = [:]
  ) throws -> FlowProcess {
    try run(arguments, input: input, in: folder, environment: environment)
  }

  public static func run(
    _ arguments: [String], input: String = "", in folder: URL = packageRoot, environment: [String: String] = [:]
  ) throws -> FlowProcess {
    let process = Process()
    process.executableURL = ServerProcess.binary
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ServerProcess.samples.merging(ProcessInfo.processInfo.environment) { _, new in new }
      .merging(environment) { _, new in new }
    let pipes = (input: Pipe(), output: Pipe(), errors: Pipe())
    process.standardInput = pipes.input
    process.standardOutput = pipes.output
    process.standardError = pipes.errors
    try process.run()
    // A process that serves instead of exiting would block all tests.
    let watchdog = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + FlowProcess.patience, execute: watchdog)
    defer { watchdog.cancel() }
    try pipes.input.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try pipes.input.fileHandleForWriting.close()
    // The output is short enough for a pipe, so that one may be read after the other.
    let output = pipes.output.fileHandleForReading.readDataToEndOfFile()
    let errors = pipes.errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return FlowProcess(
      code: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
      errors: String(decoding: errors, as: UTF8.self))
  }
}
