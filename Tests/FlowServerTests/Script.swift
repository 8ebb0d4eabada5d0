import FlowTestSupport
import Foundation

/// A Python script of the tests in a separate process, with access to the lines that it prints.
final class Script {
  private let process = Process()
  private let pipe = Pipe()
  private let received = Transcript()

  init(_ name: String, _ arguments: [String] = []) throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    let file = packageRoot.appending(path: "Tests/FlowServerTests/\(name)").path
    process.arguments = ["python3", file] + arguments
    process.standardOutput = pipe
    try process.run()
    received.follow(pipe)
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  var lines: [String] { received.text.split(separator: "\n").map(String.init) }

  /// The port, which the script prints first.
  func port() -> Int {
    _ = eventually { !lines.isEmpty }
    return lines.first.flatMap { Int($0) } ?? 0
  }
}
