import FlowIDE
import FlowJSON
import FlowSource

/// The state of one connection; one thread owns it.
struct Connection {
  let host: LanguageServerHost
  let queue: MessageQueue
  let checks: CheckThread
  let send: (JSON) -> Void
  var workspace: Workspace
  var capabilities = ClientCapabilities(.null)
  /// True after `initialize`.
  var isInitialized = false
  /// True after `shutdown`.
  private(set) var isShutDown = false
  /// The findings of the last check, by path.
  var findings: [String: [Finding]] = [:]
  private var nextID = 1

  init(host: LanguageServerHost, queue: MessageQueue, checks: CheckThread, send: @escaping (JSON) -> Void) {
    self.host = host
    self.queue = queue
    self.checks = checks
    self.send = send
    workspace = Workspace(host: host)
  }

  typealias Handler = @Sendable (inout Connection, JSON) throws(ResponseError) -> JSON

  mutating func handle(_ message: Message) {
    switch message {
    case .request(let id, let method, let parameters):
      do throws(ResponseError) {
        let result = try answer(id: id, method: method, parameters: parameters, uri: message.documentURI)
        send(["jsonrpc": "2.0", "id": id, "result": result])
      } catch {
        let problem: JSON = ["code": .int(Int64(error.code.rawValue)), "message": .string(error.message)]
        send(["jsonrpc": "2.0", "id": id, "error": problem])
      }
    case .notification(let method, let parameters): notify(method, parameters)
    case .response: break
    case .invalid(let text):
      host.log("invalid message: \(text)")
      let problem: JSON = ["code": .int(Int64(ResponseError.Code.parseError.rawValue)), "message": .string(text)]
      send(["jsonrpc": "2.0", "id": .null, "error": problem])
    }
  }

  private mutating func answer(
    id: JSON, method: String, parameters: JSON, uri: String?
  ) throws(ResponseError) -> JSON {
    if isShutDown { throw ResponseError(.invalidRequest, "the server is shut down") }
    if queue.isCancelled(id) { throw ResponseError(.requestCancelled, "cancelled") }
    if method == "shutdown" {
      isShutDown = true
      return .null
    }
    guard isInitialized || method == "initialize" else { throw ResponseError(.notInitialized, "not initialized") }
    // What describes a whole document is asked again after a change anyway.
    if let uri, Connection.refreshed.contains(method), queue.hasChange(of: uri) {
      throw ResponseError(.contentModified, "the document has changed")
    }
    guard let handler = Connection.handlers[method] else {
      throw ResponseError(.methodNotFound, "there is no method `\(method)`")
    }
    return try handler(&self, parameters)
  }

  /// Methods whose answers the client asks for again after each change.
  private static let refreshed: Set<String> = [
    "textDocument/semanticTokens/full", "textDocument/semanticTokens/range", "textDocument/inlayHint",
    "textDocument/codeLens", "textDocument/documentHighlight", "textDocument/foldingRange",
    "textDocument/documentSymbol", "textDocument/documentLink", "textDocument/diagnostic",
  ]

  /// The requests by their methods.
  static let handlers: [String: Handler] = [
    lifecycleHandlers, documentHandlers, formattingHandlers, nameHandlers, structureHandlers, actionHandlers,
    customHandlers, hierarchyHandlers,
  ].reduce(into: [:]) { all, group in all.merge(group) { first, _ in first } }

  // MARK: - Messages to the client

  func notifyClient(_ method: String, _ parameters: JSON) {
    send(["jsonrpc": "2.0", "method": .string(method), "params": parameters])
  }

  mutating func request(_ method: String, _ parameters: JSON) {
    send(["jsonrpc": "2.0", "id": .string("flow-\(nextID)"), "method": .string(method), "params": parameters])
    nextID += 1
  }

  // MARK: - Places

  /// The document that parameters are about.
  mutating func unit(_ parameters: JSON) throws(ResponseError) -> SourceUnit {
    guard let uri = parameters["textDocument"]?["uri"]?.string else {
      throw ResponseError(.invalidParameters, "`textDocument.uri` is missing")
    }
    guard let unit = workspace.unit(normalizedPath(ofURI: uri)) else {
      throw ResponseError(.invalidParameters, "there is no document `\(uri)`")
    }
    return unit
  }

  func positions(_ unit: SourceUnit) -> Positions { Positions(source: unit.source, encoding: capabilities.encoding) }

  /// The document and the offset of a position in it.
  mutating func location(_ parameters: JSON) throws(ResponseError) -> (unit: SourceUnit, offset: UInt32) {
    let unit = try unit(parameters)
    guard let offset = positions(unit).offset(parameters["position"]) else {
      throw ResponseError(.invalidParameters, "`position` is missing")
    }
    return (unit, offset)
  }

  /// A range of a file with the URI of the file.
  mutating func location(_ location: Place) -> JSON {
    guard let unit = workspace.unit(location.file) else { return .null }
    return ["uri": .string(uri(of: location.file)), "range": positions(unit).json(location.range)]
  }

  /// The URI of a path: the one with which the client opened it.
  func uri(of path: String) -> String { workspace.open[path]?.uri ?? FileURI.uri(path) }

  /// Edits by the URI of their files, as a `WorkspaceEdit`.
  mutating func workspaceEdit(_ edits: [TextEdit]) -> JSON {
    var members: [JSON.Member] = []
    var order: [String] = []
    for edit in edits where !order.contains(edit.location.file) { order.append(edit.location.file) }
    for file in order {
      guard let unit = workspace.unit(file) else { continue }
      let own = edits.filter { $0.location.file == file }.map { edit -> JSON in
        ["range": positions(unit).json(edit.location.range), "newText": .string(edit.text)]
      }
      members.append(.init(uri(of: file), .array(own)))
    }
    return ["changes": .object(members)]
  }
}
