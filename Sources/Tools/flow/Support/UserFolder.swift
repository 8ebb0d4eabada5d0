import Glibc

/// The folders of the user, by the XDG Base Directory Specification.
enum UserFolder {
  case configuration, state

  private var path: String? {
    let (name, usual) =
      switch self {
      case .configuration: ("XDG_CONFIG_HOME", ".config")
      case .state: ("XDG_STATE_HOME", ".local/state")
      }
    // The specification requires that relative paths are ignored.
    if let given = Terminal.variable(name), given.hasPrefix("/") { return given + "/flow" }
    return Terminal.variable("HOME").map { "\($0)/\(usual)/flow" }
  }

  /// The path of a file in the folder; nil when there is no home. The state folder is created with mode 0700.
  func file(_ name: String) -> String? {
    guard let path else { return nil }
    if self == .state, !createFolder(path) { return nil }
    return "\(path)/\(name)"
  }

  /// Creates a folder and its parents; false when that fails.
  private func createFolder(_ path: String) -> Bool {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/\(part)"
      if mkdir(made, 0o700) != 0, errno != EEXIST { return false }
    }
    return true
  }
}
