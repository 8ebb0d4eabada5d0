import FlowTestSupport
import Foundation
import Testing

/// What every file of the project keeps to. Each rule says what to do instead.
@Suite struct HouseRules {
  static let core = [
    "FlowJSON", "FlowTime", "FlowSource", "FlowDiagnostics", "CEL", "FlowSyntax", "FlowChecker", "FlowIR",
    "FlowCompiler", "FlowMachine",
  ]

  static var sources: [URL] { swiftFiles(below: "Sources") }
  static var all: [URL] { sources + swiftFiles(below: "Tests") }

  static func swiftFiles(below folder: String) -> [URL] {
    let enumerator = FileManager.default.enumerator(
      at: packageRoot.appending(path: folder), includingPropertiesForKeys: nil)
    return (enumerator?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
  }

  static func lines(_ url: URL) -> [Substring] {
    ((try? String(contentsOf: url, encoding: .utf8)) ?? "").split(separator: "\n", omittingEmptySubsequences: false)
  }

  static func relative(_ url: URL) -> String { url.path.replacing(packageRoot.path + "/", with: "") }

  @Test func thereAreFiles() { #expect(HouseRules.all.count > 50) }

  @Test func filesHaveOneSubject() {
    for url in HouseRules.all where !url.lastPathComponent.hasSuffix("+Generated.swift") {
      #expect(HouseRules.lines(url).count <= 800, "\(HouseRules.relative(url)): find the second subject and split")
    }
  }

  @Test func linesFitTheScreen() {
    for url in HouseRules.all {
      for (index, line) in HouseRules.lines(url).enumerated() where line.count > 120 {
        Issue.record("\(HouseRules.relative(url)):\(index + 1) has \(line.count) columns, the limit is 120")
      }
    }
  }

  @Test func theCoreIsPure() {
    let banned = ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"]
    // CEL takes `memcmp` and the rounding functions from the C library, which are as pure as it is.
    let allowed = ["CEL": ["Glibc"]]
    for url in HouseRules.sources where HouseRules.core.contains(where: { url.path.contains("/\($0)/") }) {
      for module in HouseRules.imports(of: url) where banned.contains(module) && !isAllowed(module, url, allowed) {
        Issue.record("\(HouseRules.relative(url)) imports \(module): what it needs comes in as a value")
      }
    }
  }

  private func isAllowed(_ module: String, _ url: URL, _ allowed: [String: [String]]) -> Bool {
    allowed.contains { url.path.contains("/\($0.key)/") && $0.value.contains(module) }
  }

  @Test func nothingReachableFromInputTraps() {
    let banned = ["try!", "as!", "fatalError(", "@unchecked Sendable"]
    for url in HouseRules.sources {
      let lines = HouseRules.lines(url)
      for (index, line) in lines.enumerated() where !line.contains("//") {
        for word in banned where line.contains(word) {
          let hasReason = index > 0 && lines[index - 1].contains("//")
          #expect(
            hasReason, "\(HouseRules.relative(url)):\(index + 1): `\(word)` needs a reason above it, or another way")
        }
      }
    }
  }

  static func imports(of url: URL) -> [String] {
    lines(url).compactMap { line in
      let words = line.split(separator: " ")
      guard let index = words.firstIndex(of: "import"), index + 1 < words.count, index < 2 else { return nil }
      return String(words[index + 1])
    }
  }

  /// SwiftPM builds an undeclared import of a sibling all the same; so the manifest is compared with the imports.
  @Test func importsAreDeclared() throws {
    let manifest = try String(contentsOf: packageRoot.appending(path: "Package.swift"), encoding: .utf8)
    let declared = HouseRules.dependencies(in: manifest)
    #expect(declared.count > 10)
    let targets = Set(declared.keys)
    for url in HouseRules.sources {
      let target = HouseRules.relative(url).split(separator: "/")[2]
      for module in HouseRules.imports(of: url) where targets.contains(module) || module.hasPrefix("C") {
        guard targets.contains(module) || HouseRules.exists(module) else { continue }
        let known = declared[String(target)] ?? []
        #expect(
          known.contains(module), "\(HouseRules.relative(url)) imports \(module), which Package.swift does not say")
      }
    }
  }

  private static func exists(_ module: String) -> Bool {
    FileManager.default.fileExists(atPath: packageRoot.appending(path: "Sources/System/\(module)").path)
  }

  /// The dependencies of each target that the manifest declares with `library(…)` or `executable(…)`.
  static func dependencies(in manifest: String) -> [String: Set<String>] {
    var found: [String: Set<String>] = [:]
    let declaration = /(?:library|executable)\(\s*\.\w+,\s*"([\w-]+)"(?:,\s*\[([^\]]*)\])?/
    for match in manifest.matches(of: declaration) {
      let names = (match.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) }
      found[String(match.1)] = Set(names)
    }
    return found
  }
}
