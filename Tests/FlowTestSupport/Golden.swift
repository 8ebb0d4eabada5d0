public import Foundation
public import Testing

/// The folder of the package.
public let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A file of a corpus; the test case has its name.
public struct Sample: Sendable, CustomTestStringConvertible {
  public let url: URL
  public var name: String { url.deletingPathExtension().lastPathComponent }
  public var testDescription: String { name }
  public var text: String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }
  public var golden: URL { url.deletingPathExtension().appendingPathExtension("golden") }

  /// The files of a folder below `Tests` or the package, in order of their names.
  public static func all(in folder: String, withExtension wanted: String = "flow") -> [Sample] {
    let directory = packageRoot.appending(path: folder)
    let files = (try? FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)) ?? []
    return files.filter { $0.pathExtension == wanted }.sorted { $0.path < $1.path }.map { Sample(url: $0) }
  }

  /// The files of a folder and its subfolders, in order of their paths.
  public static func all(below folder: String, withExtension wanted: String = "flow") -> [Sample] {
    let files = FileManager.default.enumerator(
      at: packageRoot.appending(path: folder), includingPropertiesForKeys: nil)
    return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == wanted }
      .sorted { $0.path < $1.path }.map { Sample(url: $0) }
  }

  /// Every `.flow` file of the samples and the tests.
  public static func allFlows() -> [Sample] { all(below: "samples") + all(below: "Tests") }
}

/// Compares with a golden file. `UPDATE_GOLDEN=1` rewrites it and still fails, so that the variable is not left set.
public func expectGolden(
  _ actual: String, at url: URL, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
    try actual.write(to: url, atomically: true, encoding: .utf8)
    Issue.record("wrote \(url.lastPathComponent)", sourceLocation: sourceLocation)
    return
  }
  let expected = try String(contentsOf: url, encoding: .utf8)
  #expect(actual == expected, "differs from \(url.lastPathComponent)", sourceLocation: sourceLocation)
}
