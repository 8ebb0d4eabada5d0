import FlowTestSupport
import Foundation

/// The Swift files of the package.
enum Repository {
  static let sources = swiftFiles(below: "Sources")
  static let all = sources + swiftFiles(below: "Tests")

  static func swiftFiles(below folder: String) -> [URL] {
    files(below: folder).filter { $0.pathExtension == "swift" }
  }

  /// All files below a folder of the package, sorted by path.
  static func files(below folder: String) -> [URL] {
    let enumerator = FileManager.default.enumerator(
      at: packageRoot.appending(path: folder), includingPropertiesForKeys: nil)
    return (enumerator?.compactMap { $0 as? URL } ?? []).sorted { $0.path < $1.path }
  }

  static func text(of url: URL) -> String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }

  static func lines(of url: URL) -> [Substring] {
    // By bytes: characters of a debug build are slow.
    text(of: url).utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Substring.init)
  }

  /// The path of a file within the package.
  static func path(of url: URL) -> String { url.path.replacing(packageRoot.path + "/", with: "") }

  /// The target of a source file: the third component of its path.
  static func target(of url: URL) -> String {
    let parts = path(of: url).split(separator: "/")
    return parts.count > 3 ? String(parts[2]) : ""
  }

  static func imports(of url: URL) -> [String] {
    lines(of: url).compactMap { line in
      guard line.utf8.first.map({ $0 >= UInt8(ascii: "@") }) ?? false else { return nil }
      let words = line.split(separator: " ")
      guard let index = words.firstIndex(of: "import"), index + 1 < words.count, index < 2 else { return nil }
      return String(words[index + 1])
    }
  }
}
