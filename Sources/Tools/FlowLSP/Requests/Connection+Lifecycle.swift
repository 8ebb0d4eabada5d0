import FlowChecker
import FlowIDE
import FlowJSON

// The beginning of a connection, and the changes of documents.
extension Connection {
  static let lifecycleHandlers: [String: Handler] = [
    "initialize": { connection, parameters throws(ResponseError) in connection.initialize(parameters) }
  ]

  private mutating func initialize(_ parameters: JSON) -> JSON {
    capabilities = ClientCapabilities(parameters["capabilities"] ?? .null)
    isInitialized = true
    var folders = parameters["workspaceFolders"]?.array?.compactMap { $0["uri"]?.string } ?? []
    if folders.isEmpty, let root = parameters["rootUri"]?.string { folders = [root] }
    workspace.add(folders: folders.map { normalizedPath(ofURI: $0) })
    return [
      "capabilities": serverCapabilities,
      "serverInfo": ["name": "flow", "version": .string(host.version)],
    ]
  }

  mutating func notify(_ method: String, _ parameters: JSON) {
    switch method {
    case "initialized": registerWatchers()
    case "textDocument/didOpen": didOpen(parameters)
    case "textDocument/didChange": didChange(parameters)
    case "textDocument/didClose": didClose(parameters)
    case "textDocument/didSave": break
    case "workspace/didChangeWatchedFiles":
      for change in parameters["changes"]?.array ?? [] {
        guard let uri = change["uri"]?.string else { continue }
        workspace.changeFile(normalizedPath(ofURI: uri))
      }
      checkOpenPrograms()
    case "workspace/didChangeWorkspaceFolders":
      let added = parameters["event"]?["added"]?.array?.compactMap { $0["uri"]?.string } ?? []
      workspace.add(folders: added.map { normalizedPath(ofURI: $0) })
      checkOpenPrograms()
    default: break
    }
  }

  /// Asks the client to report changes of `.flow` files and of `flow.toml`.
  private mutating func registerWatchers() {
    guard capabilities.registersWatchers else { return }
    let watchers: JSON = [["globPattern": "**/*.flow"], ["globPattern": "**/flow.toml"]]
    request(
      "client/registerCapability",
      [
        "registrations": [
          [
            "id": "files", "method": "workspace/didChangeWatchedFiles",
            "registerOptions": ["watchers": watchers],
          ]
        ]
      ])
  }

  // MARK: - Documents

  private mutating func didOpen(_ parameters: JSON) {
    guard let item = parameters["textDocument"], let uri = item["uri"]?.string, let text = item["text"]?.string else {
      return
    }
    let path = normalizedPath(ofURI: uri)
    workspace.open(
      Document(uri: uri, path: path, version: item["version"]?.int ?? 0, text: Array(text.utf8)))
    checks.add(workspace.job(for: path))
  }

  private mutating func didChange(_ parameters: JSON) {
    guard let item = parameters["textDocument"], let uri = item["uri"]?.string,
      let changes = parameters["contentChanges"]?.array
    else { return }
    let path = normalizedPath(ofURI: uri)
    workspace.change(path, version: item["version"]?.int ?? 0, changes: changes, encoding: capabilities.encoding)
    // A burst of changes is parsed and checked once, after the last one.
    if !queue.hasChange(of: uri) { checks.add(workspace.job(for: path)) }
  }

  private mutating func didClose(_ parameters: JSON) {
    guard let uri = parameters["textDocument"]?["uri"]?.string else { return }
    let path = normalizedPath(ofURI: uri)
    workspace.close(path)
    checkOpenPrograms()
    let open = Set(workspace.open.keys)
    let remaining = Set(open.flatMap { file in workspace.views(for: file).flatMap { $0.units.map(\.path) } })
    for file in findings.keys where !remaining.contains(file) {
      findings[file] = nil
      publish([], of: file)
    }
  }

  private mutating func checkOpenPrograms() {
    var checked: Set<[String]> = []
    for path in workspace.open.keys.sorted() {
      let job = workspace.job(for: path)
      if checked.insert(job.roots).inserted { checks.add(job) }
    }
  }

  func normalizedPath(ofURI uri: String) -> String {
    let path = FileURI.path(uri)
    return path.hasPrefix("/") ? FlowChecker.normalizedPath(path) : path
  }
}
