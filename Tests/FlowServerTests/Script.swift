import FlowTestSupport
import Foundation

/// A Python script of the tests in a process of its own, whose lines are read.
final class Script {
  private let process = Process()
  private let pipe = Pipe()
  private let heard = Transcript()

  init(_ name: String, _ arguments: [String] = []) throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    let file = packageRoot.appending(path: "Tests/FlowServerTests/\(name)").path
    process.arguments = ["python3", file] + arguments
    process.standardOutput = pipe
    try process.run()
    heard.follow(pipe)
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  var lines: [String] { heard.text.split(separator: "\n").map(String.init) }

  /// The port that it has printed first.
  func port() -> Int {
    _ = eventually { !lines.isEmpty }
    return lines.first.flatMap { Int($0) } ?? 0
  }
}

/// Runs a program of the system to its end, and gives what it wrote.
func runProgram(_ arguments: String...) throws -> (code: Int32, output: String) {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return (process.terminationStatus, String(decoding: data, as: UTF8.self))
}
