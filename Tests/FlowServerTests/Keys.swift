import FlowTestSupport
import Foundation
import Testing

/// A key file, created with `flow key new`.
struct Keys {
  let path: String

  init(in folder: TestFolder) { path = folder.url.appending(path: "keys.toml").path }

  /// Creates a key and returns the output.
  func add(_ name: String, _ arguments: String...) throws -> String { try add(name, arguments) }

  func add(_ name: String, _ arguments: [String]) throws -> String {
    let process = try FlowProcess.run(["key", "new", "--name", name, "--keys", path] + arguments)
    try #require(process.code == 0, "\(process.errors)")
    return process.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The request header with a key.
func bearer(_ key: String) -> [String: String] { ["Authorization": "Bearer \(key)"] }
