import FlowTestSupport
import Foundation
import Testing

/// Rules that every file of the project follows. Each failure names the alternative.
@Suite struct HouseRules {
  static let core = [
    "FlowJSON", "FlowTime", "FlowSource", "FlowDiagnostics", "CEL", "FlowSyntax", "FlowChecker", "FlowIR",
    "FlowCompiler", "FlowMachine", "FlowVerify",
  ]

  @Test("the rules see the sources") func sourcesAreFound() { #expect(Repository.all.count > 50) }

  @Test("a file has at most 800 lines") func filesHaveOneSubject() {
    for url in Repository.all where !url.lastPathComponent.hasSuffix("+Generated.swift") {
      #expect(Repository.lines(of: url).count <= 800, "\(Repository.path(of: url)): split it by subject")
    }
  }

  @Test("a line has at most 120 columns") func linesFitTheScreen() {
    for url in Repository.all {
      for (index, line) in Repository.lines(of: url).enumerated() where line.utf8.count > 120 && line.count > 120 {
        Issue.record("\(Repository.path(of: url)):\(index + 1) has \(line.count) columns, the limit is 120")
      }
    }
  }

  @Test("the core imports neither Foundation nor the C library") func theCoreIsPure() {
    let banned = ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"]
    // CEL calls `memcmp` and the rounding functions of the C library, which are pure.
    let allowed = ["CEL": ["Glibc"]]
    for url in Repository.sources where HouseRules.core.contains(Repository.target(of: url)) {
      let exceptions = allowed[Repository.target(of: url)] ?? []
      for module in Repository.imports(of: url) where banned.contains(module) && !exceptions.contains(module) {
        Issue.record("\(Repository.path(of: url)) imports \(module): pass in what it needs as a value")
      }
    }
  }

  /// Its file name is not mapped by `-file-prefix-map`, so that the program would depend on the folder of its build.
  @Test("nothing depends on the folder of the build") func buildsAreReproducible() {
    for url in Repository.sources {
      for word in ["without" + "ActuallyEscaping", "#file" + "Path"] {
        let text = Repository.lines(of: url).joined(separator: "\n")
        #expect(!text.contains(word), "\(Repository.path(of: url)): `\(word)` has the path of the file")
      }
    }
  }

  @Test("a statement that can trap has a comment with the reason") func trapsHaveReasons() {
    let banned = ["try!", "as!", "fatalError(", "@unchecked Sendable"]
    for url in Repository.sources {
      let lines = Repository.lines(of: url)
      for (index, line) in lines.enumerated() where !line.contains("//") {
        for word in banned where line.contains(word) {
          let hasReason = index > 0 && lines[index - 1].contains("//")
          #expect(
            hasReason, "\(Repository.path(of: url)):\(index + 1): `\(word)` needs a reason above it, or an alternative")
        }
      }
    }
  }

  /// SwiftPM accepts an undeclared import of a sibling target, so the manifest is compared with the imports.
  @Test("the manifest declares every import") func importsAreDeclared() throws {
    let manifest = try String(contentsOf: packageRoot.appending(path: "Package.swift"), encoding: .utf8)
    let declared = HouseRules.dependencies(in: manifest)
    #expect(declared.count > 10)
    let targets = Set(declared.keys)
    for url in Repository.sources {
      let target = Repository.target(of: url)
      for module in Repository.imports(of: url) where targets.contains(module) || module.hasPrefix("C") {
        guard targets.contains(module) || HouseRules.isShim(module) else { continue }
        let known = declared[target] ?? []
        #expect(
          known.contains(module), "\(Repository.path(of: url)) imports \(module), which Package.swift does not declare")
      }
    }
  }

  private static func isShim(_ module: String) -> Bool {
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
