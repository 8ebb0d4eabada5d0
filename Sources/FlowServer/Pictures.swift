import Dispatch
import FlowDiagram
import FlowMachine
import FlowRuntime
import Foundation
import Synchronization

/// Pictures of flows; those that Graphviz lays out are made once for each version.
final class Pictures: Sendable {
  /// How many pictures are kept.
  static let maximumKept = 64
  /// How long a layout may take, in seconds.
  static let maximumSeconds = 10

  private let queue = DispatchQueue(label: "flow.pictures")
  private let kept = Mutex<[String: [UInt8]]>([:])

  /// Draws a flow as SVG, on a queue of its own.
  /// - Parameter finish: Gets nil when `dot` is not there, or has failed.
  func draw(_ entry: Catalogue.Entry, finish: @escaping @Sendable ([UInt8]?) -> Void) {
    let name = "\(entry.hash)/\(entry.name)"
    if let picture = kept.withLock({ $0[name] }) { return finish(picture) }
    queue.async { [self] in
      let picture = Pictures.layOut(dot(entry.machine.program, flow: entry.flow))
      kept.withLock { kept in
        if kept.count >= Pictures.maximumKept { kept = [:] }
        kept[name] = picture
      }
      finish(picture)
    }
  }

  /// Graphviz does the layout, as a process of its own.
  private static func layOut(_ text: String) -> [UInt8]? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["timeout", String(maximumSeconds), "dot", "-Tsvg"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
      // A layout that fails closes its input early; what is read then says so.
      try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
      try input.fileHandleForWriting.close()
    } catch {
      return nil
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? Array(bytes) : nil
  }
}
