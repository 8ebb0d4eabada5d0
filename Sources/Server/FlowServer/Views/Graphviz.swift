import Foundation

/// Runs Graphviz as a separate process, for the layout of diagrams.
public enum Graphviz {
  /// Lays a graph out.
  /// - Parameter seconds: The timeout; nil for none.
  /// - Returns: The diagram as SVG; nil when `dot` could not be run or failed.
  public static func svg(_ graph: String, seconds: Int? = nil) -> [UInt8]? {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = (seconds.map { ["timeout", String($0)] } ?? []) + ["dot", "-Tsvg"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
      // A layout that fails closes its input early; its exit status reports the failure.
      try? input.fileHandleForWriting.write(contentsOf: Data(graph.utf8))
      try input.fileHandleForWriting.close()
    } catch {
      return nil
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? Array(bytes) : nil
  }
}
