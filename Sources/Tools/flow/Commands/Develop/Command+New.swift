import CPages
import Glibc

extension Command {
  static let new = Command(
    name: "new", group: .develop, summary: "Create a project with a flow, tests, a configuration and a CI file.",
    operands: "DIR", completion: .folders, options: [NewOptions.template], example: "flow new orders --template order",
    action: { arguments throws(UsageError) in
      guard arguments.operands.count == 1 else {
        throw UsageError("`flow new` requires one folder", help: "flow new orders")
      }
      let folder = arguments.operands[0]
      let files = TemplateFile.files(of: arguments[NewOptions.template].rawValue)
      // Nothing is overwritten: all paths are checked before the first file is written.
      for file in files where isExisting("\(folder)/\(file.path)") {
        throw UsageError("`\(folder)/\(file.path)` already exists", help: "choose another folder")
      }
      for file in files {
        let path = "\(folder)/\(file.path)"
        guard createFolders(to: path), writeFile(path, file.contents) else {
          throw UsageError("cannot write `\(path)`")
        }
        Terminal.output("created \(path)\n")
      }
      Terminal.output("next: cd \(folder) && flow test .\n")
      return ExitCode.success
    })

  private static func isExisting(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Creates the folders above a path; false when that fails.
  private static func createFolders(to path: String) -> Bool {
    var folder = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/").dropLast() {
      folder += "\(part)/"
      if mkdir(folder, 0o777) != 0, errno != EEXIST { return false }
    }
    return true
  }
}

/// The options of `flow new`.
private enum NewOptions {
  enum Template: String, CaseIterable { case order, approval, schedule }

  static let template = Option.choice("template", short: "t", default: Template.order, help: "kind of project")
}

/// A file that `flow new` creates.
private struct TemplateFile {
  var path: String
  var contents: [UInt8]

  /// The files of a template, with those that all templates have.
  static func files(of template: String) -> [TemplateFile] {
    var count = 0
    let files = UnsafeBufferPointer(start: cpages_template_files(&count), count: count)
    return files.filter { ["", template].contains(String(cString: $0.template_name)) }.map { file in
      TemplateFile(
        path: String(cString: file.path),
        contents: Array(UnsafeRawBufferPointer(start: file.contents, count: file.length)))
    }
  }
}
