public import Foundation

/// A temporary folder that is removed with the value.
public final class TestFolder: Sendable {
  public let url: URL

  public init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "flow-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  public var store: String { url.appending(path: "test.db").path }

  public func write(_ name: String, _ text: String) throws -> String {
    let file = url.appending(path: name)
    try text.write(to: file, atomically: true, encoding: .utf8)
    return file.path
  }

  /// Runs SQL on the store, outside of the server.
  /// - Returns: The first column of the last statement's first row, as text.
  @discardableResult
  public func sqlite(_ sql: String) throws -> String {
    let script = """
      import sqlite3, sys
      with sqlite3.connect(sys.argv[1]) as base:
        for statement in sys.argv[2].split(";"): row = base.execute(statement).fetchone()
      print(row[0] if row else "", end="")
      """
    let (code, output) = try runProgram("python3", "-c", script, store, sql)
    guard code == 0 else { throw Refused(sql: sql) }
    return output
  }

  /// A statement that failed.
  struct Refused: Error { var sql: String }
}
