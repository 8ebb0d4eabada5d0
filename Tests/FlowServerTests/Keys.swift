import FlowTestSupport
import Foundation
import Testing

/// A file with keys, made by `flow key new` as an operator does it.
struct Keys {
  let path: String

  init(in folder: TestFolder) { path = folder.url.appending(path: "keys.toml").path }

  /// Makes a key, and gives what was printed.
  func add(_ name: String, _ arguments: String...) throws -> String { try add(name, arguments) }

  func add(_ name: String, _ arguments: [String]) throws -> String {
    let process = try FlowProcess.run(["key", "new", "--name", name, "--keys", path] + arguments)
    try #require(process.code == 0, "\(process.errors)")
    return process.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The header that shows a key.
func bearer(_ key: String) -> [String: String] { ["Authorization": "Bearer \(key)"] }
