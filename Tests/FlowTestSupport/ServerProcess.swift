import Foundation

/// A `flow serve` of its own process, on a port that the system chose.
public final class ServerProcess {
  public struct NotStarted: Error, CustomStringConvertible {
    public var description: String
  }

  private let process = Process()
  public let port: Int

  /// Where the build that runs the tests has put the binary.
  public static var binary: URL {
    let products = Bundle.main.bundleURL.deletingLastPathComponent()
    for folder in [products, packageRoot.appending(path: ".build/debug")] {
      let candidate = folder.appending(path: "flow")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
    }
    return packageRoot.appending(path: ".build/debug/flow")
  }

  /// Starts a server and waits until it says where it listens.
  public init(_ arguments: [String], environment: [String: String] = [:]) throws {
    process.executableURL = ServerProcess.binary
    process.arguments = ["serve", "--addr", "127.0.0.1:0"] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    let pipe = Pipe()
    process.standardError = pipe
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var output = ""
    while true {
      let data = pipe.fileHandleForReading.availableData
      if data.isEmpty {
        process.waitUntilExit()
        throw NotStarted(description: output)
      }
      output += String(decoding: data, as: UTF8.self)
      if let match = output.firstMatch(of: /listening on http:\/\/127\.0\.0\.1:(\d+)/), let port = Int(match.1) {
        self.port = port
        break
      }
    }
    // What follows is read and dropped, so that the server never waits for us.
    pipe.fileHandleForReading.readabilityHandler = { handle in
      if handle.availableData.isEmpty { handle.readabilityHandler = nil }
    }
  }

  deinit { kill() }

  /// Ends it as a power cut of the process would.
  public func kill() {
    guard process.isRunning else { return }
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Asks it to end, and waits.
  /// - Returns: The exit code.
  public func stop() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
