import FlowJSON

/// The abilities of the client that matter to the answers.
struct ClientCapabilities {
  var encoding: PositionEncoding
  var hasSnippets: Bool
  /// The client asks for diagnostics; otherwise they are sent.
  var pullsDiagnostics: Bool
  var refreshesDiagnostics: Bool
  var refreshesLenses: Bool
  var refreshesHints: Bool
  var refreshesTokens: Bool
  var registersWatchers: Bool

  /// - Parameter json: `capabilities` of `initialize`.
  init(_ json: JSON) {
    let offered = json["general"]?["positionEncodings"]?.array?.compactMap(\.string) ?? []
    encoding = offered.contains("utf-8") ? .utf8 : .utf16
    let document = json["textDocument"]
    hasSnippets = document?["completion"]?["completionItem"]?["snippetSupport"]?.bool ?? false
    pullsDiagnostics = document?["diagnostic"] != nil
    let workspace = json["workspace"]
    refreshesDiagnostics = workspace?["diagnostics"]?["refreshSupport"]?.bool ?? false
    refreshesLenses = workspace?["codeLens"]?["refreshSupport"]?.bool ?? false
    refreshesHints = workspace?["inlayHint"]?["refreshSupport"]?.bool ?? false
    refreshesTokens = workspace?["semanticTokens"]?["refreshSupport"]?.bool ?? false
    registersWatchers = workspace?["didChangeWatchedFiles"]?["dynamicRegistration"]?.bool ?? false
  }
}
