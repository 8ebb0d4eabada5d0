import CDashboard
import FlowServer

/// The files of the dashboard: those of the build, or of a folder while they are written.
enum DashboardFiles {
  /// The files that the build has embedded.
  static let embedded = Dashboard(files: readEmbedded())

  private static func readEmbedded() -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for index in 0... {
      var name: UnsafePointer<CChar>?
      var length = 0
      guard let text = cdashboard_file(index, &name, &length), let name else { break }
      let bytes = UnsafeRawBufferPointer(start: text, count: length)
      files[String(cString: name)] = Array(bytes)
    }
    return files
  }

  /// The files of a folder as they are now, over those of the build.
  static func read(_ folder: String) -> Dashboard {
    var files = readEmbedded()
    for part in ["", "parts/", "views/"] {
      for name in entries(of: folder + "/" + part) ?? [] where name.contains(".") && !name.hasPrefix(".") {
        guard let content = readFile(folder + "/" + part + name) else { continue }
        files[part + name] = content
      }
    }
    return Dashboard(files: files)
  }
}
