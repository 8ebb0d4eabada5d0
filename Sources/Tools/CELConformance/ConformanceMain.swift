import FlowJSON
import Glibc

/// Runs CEL's public conformance suite in its JSON form: `cel-conformance DIR [--verbose]`.
@main
enum ConformanceMain {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    let isVerbose = arguments.contains("--verbose")
    guard let folder = arguments.first(where: { !$0.hasPrefix("-") }) else {
      print("usage: cel-conformance DIR [--verbose]")
      exit(2)
    }
    let report = ConformanceReport.run(folder: folder)
    if isVerbose { report.failures.forEach { print($0) } }
    print("\(report.passed) passed, \(report.failures.count) failed")
    exit(report.failures.isEmpty && report.passed > 0 ? 0 : 1)
  }
}

/// The results of all cases of a folder.
struct ConformanceReport {
  var passed = 0
  var failures: [String] = []

  static func run(folder: String, isChecked: Bool = true) -> ConformanceReport {
    var report = ConformanceReport()
    let runner = ConformanceRunner(isChecked: isChecked)
    for file in files(in: folder) {
      guard let text = contents(of: file) else {
        report.failures.append("\(file): it can't be read")
        continue
      }
      do throws(JSONError) {
        for test in Case.all(in: try JSON(parsing: text)) {
          if let failure = runner.failure(of: test) {
            report.failures.append("\(test.title): \(test.expression)\n    \(failure)")
          } else {
            report.passed += 1
          }
        }
      } catch {
        report.failures.append("\(file): \(error.message)")
      }
    }
    return report
  }

  static func files(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".json") { names.append(folder + "/" + name) }
    }
    return names.sorted()
  }

  private static func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }
}
