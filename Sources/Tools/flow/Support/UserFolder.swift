import Glibc

/// Where what belongs to the user is kept, by the XDG Base Directory Specification.
enum UserFolder {
  case configuration, state

  private var path: String? {
    let (name, usual) =
      switch self {
      case .configuration: ("XDG_CONFIG_HOME", ".config")
      case .state: ("XDG_STATE_HOME", ".local/state")
      }
    // A path that is not absolute has to be ignored, the specification says.
    if let given = Terminal.variable(name), given.hasPrefix("/") { return given + "/flow" }
    return Terminal.variable("HOME").map { "\($0)/\(usual)/flow" }
  }

  /// The path of a file in it; nil when there can't be one. What is remembered lies in a folder of the user alone.
  func file(_ name: String) -> String? {
    guard let path else { return nil }
    if self == .state, !isMade(path) { return nil }
    return "\(path)/\(name)"
  }

  private func isMade(_ path: String) -> Bool {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/\(part)"
      if mkdir(made, 0o700) != 0, errno != EEXIST { return false }
    }
    return true
  }
}
