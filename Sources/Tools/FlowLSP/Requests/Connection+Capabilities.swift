import FlowJSON

extension Connection {
  /// The capabilities that `initialize` announces.
  var serverCapabilities: JSON {
    var members: [JSON.Member] = [
      .init("positionEncoding", .string(capabilities.encoding.rawValue)),
      .init("textDocumentSync", ["openClose": true, "change": 2, "save": true]),
      .init("hoverProvider", true),
      .init(
        "completionProvider",
        ["triggerCharacters": [".", ">", " ", "{", "(", ","], "resolveProvider": false]),
      .init("definitionProvider", true),
      .init("typeDefinitionProvider", true),
      .init("signatureHelpProvider", ["triggerCharacters": ["(", ","]]),
      .init("referencesProvider", true),
      .init("documentHighlightProvider", true),
      .init("renameProvider", ["prepareProvider": true]),
      .init("documentFormattingProvider", true),
      .init("documentRangeFormattingProvider", true),
      .init("documentOnTypeFormattingProvider", ["firstTriggerCharacter": "}"]),
      .init("documentSymbolProvider", true),
      .init("workspaceSymbolProvider", true),
      .init("foldingRangeProvider", true),
      .init("selectionRangeProvider", true),
      .init(
        "semanticTokensProvider",
        [
          "legend": [
            "tokenTypes": .array(Connection.tokenTypes.map { .string($0) }),
            "tokenModifiers": .array(Connection.tokenModifiers.map { .string($0) }),
          ], "full": true, "range": true,
        ]),
      .init("documentLinkProvider", ["resolveProvider": false]),
      .init(
        "codeActionProvider",
        ["codeActionKinds": ["quickfix", "refactor.extract", "refactor.inline", "refactor.rewrite", "source.fixAll"]]),
      .init("callHierarchyProvider", true),
      .init("inlayHintProvider", true),
      .init("codeLensProvider", ["resolveProvider": false]),
      .init("workspace", ["workspaceFolders": ["supported": true, "changeNotifications": true]]),
    ]
    if capabilities.pullsDiagnostics {
      members.append(.init("diagnosticProvider", ["interFileDependencies": true, "workspaceDiagnostics": false]))
    }
    return .object(members)
  }
}
