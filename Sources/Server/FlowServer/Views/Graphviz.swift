import Foundation

/// Graphviz, which does the layout of pictures as a process of its own.
public enum Graphviz {
  /// Lays a graph out.
  /// - Parameter seconds: How long it may take; nil for as long as it likes.
  /// - Returns: The picture as SVG; nil when `dot` could not be run, or failed.
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
      // A layout that fails closes its input early; what is read then says so.
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
