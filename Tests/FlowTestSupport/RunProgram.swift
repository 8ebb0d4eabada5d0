import Foundation

/// Runs a program of the system to its end; the result has the exit code and standard output.
public func runProgram(_ arguments: String...) throws -> (code: Int32, output: String) {
  try runProgram(arguments)
}

public func runProgram(_ arguments: [String]) throws -> (code: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = arguments
  process.environment = ServerProcess.samples.merging(ProcessInfo.processInfo.environment) { _, new in new }
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}
