import Foundation
import Synchronization

/// A `flow serve` process on a port chosen by the system.
public final class ServerProcess {
  public struct NotStarted: Error, CustomStringConvertible {
    public var description: String
  }

  private let process = Process()
  /// 0 for a server at a Unix socket.
  public let port: Int
  private let transcript = Transcript()

  /// The variables that the samples use. No server listens at their addresses.
  static let samples = [
    "WAREHOUSE_URL", "PAYMENTS_URL", "REPORT_URL",
  ].reduce(into: [String: String]()) { $0[$1] = "http://127.0.0.1:9" }

  /// The output on standard error.
  public var log: String { transcript.text }

  /// The path of the binary in the build that runs the tests.
  public static var binary: URL {
    let products = Bundle.main.bundleURL.deletingLastPathComponent()
    for folder in [products, packageRoot.appending(path: ".build/debug")] {
      let candidate = folder.appending(path: "flow")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
    }
    return packageRoot.appending(path: ".build/debug/flow")
  }

  /// Starts a server and waits until it reports its address.
  /// - Parameters:
  ///   - address: A port chosen by the system, unless the server has to return to the same one.
  ///   - binary: Of another version; that in the build of the tests without it.
  public init(
    _ arguments: [String], environment: [String: String] = [:], address: String = "127.0.0.1:0", binary: URL? = nil
  ) throws {
    process.executableURL = binary ?? ServerProcess.binary
    process.arguments = ["serve", "--addr", address, "--create"] + arguments
    process.environment = ServerProcess.samples.merging(ProcessInfo.processInfo.environment) { _, new in new }
      .merging(environment) { _, new in new }
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
      if let match = output.firstMatch(of: /listening on https?:\/\/(?:127\.0\.0\.1:(\d+)|unix:)/) {
        port = match.1.flatMap { Int($0) } ?? 0
        break
      }
    }
    transcript.append(output)
    transcript.follow(pipe)
  }

  deinit { kill() }

  /// Kills the process.
  public func kill() {
    guard process.isRunning else { return }
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  public var processIdentifier: Int32 { process.processIdentifier }

  public func send(_ signal: Int32) { Foundation.kill(process.processIdentifier, signal) }

  /// Waits for the end of the process.
  /// - Returns: The exit code.
  public func wait() -> Int32 {
    process.waitUntilExit()
    return process.terminationStatus
  }

  public var isRunning: Bool { process.isRunning }

  /// The names of its threads.
  public var threads: [String] {
    let tasks = "/proc/\(process.processIdentifier)/task"
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
    return numbers.compactMap { try? String(contentsOfFile: "\(tasks)/\($0)/comm", encoding: .utf8) }
      .map { $0.trimmingCharacters(in: .newlines) }
  }

  /// Sends a termination signal, and waits.
  /// - Returns: The exit code.
  public func stop() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }
}

/// The output of a process so far, for any thread.
public final class Transcript: Sendable {
  private let written = Mutex("")

  public init() {}

  public var text: String { written.withLock { $0 } }

  public func append(_ more: String) { written.withLock { $0 += more } }

  /// Reads until the pipe ends, so that the writer never blocks. It uses a separate thread, which keeps the
  /// pipe: a source of events would outlive its descriptor.
  public func follow(_ pipe: Pipe) {
    let thread = Thread { [self] in
      while true {
        let data = pipe.fileHandleForReading.availableData
        if data.isEmpty { return }
        append(String(decoding: data, as: UTF8.self))
      }
    }
    thread.stackSize = 1 << 18
    thread.start()
  }
}
