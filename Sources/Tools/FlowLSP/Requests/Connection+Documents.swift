import FlowIDE
import FlowJSON
import FlowSource
import FlowSyntax

// Answers about a position in a document.
extension Connection {
  static let documentHandlers: [String: Handler] = [
    "textDocument/diagnostic": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let items = connection.currentFindings(of: unit.path).map { connection.diagnostic($0) }
      return ["kind": "full", "items": .array(items)]
    },
    "textDocument/hover": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      guard let hover = connection.view(unit.path).hover(at: offset, in: unit.path) else { return .null }
      return [
        "contents": ["kind": "markdown", "value": .string(hover.text)],
        "range": connection.positions(unit).json(hover.range),
      ]
    },
    "textDocument/completion": { connection, parameters throws(ResponseError) in try connection.completion(parameters)
    },
    "completionItem/resolve": { _, parameters throws(ResponseError) in parameters },
    "textDocument/definition": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      return connection.view(unit.path).definition(at: offset, in: unit.path).map { connection.location($0) } ?? .null
    },
    "textDocument/typeDefinition": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      return connection.view(unit.path).typeDefinition(at: offset, in: unit.path).map { connection.location($0) }
        ?? .null
    },
    "textDocument/formatting": { connection, parameters throws(ResponseError) in
      .array(try connection.formattingEdits(parameters))
    },
  ]

  /// The first program that contains a file.
  mutating func view(_ path: String, isCurrent: Bool = false) -> ProgramView {
    workspace.views(for: path, isCurrent: isCurrent).first ?? ProgramView([], analysis: nil)
  }

  private mutating func completion(_ parameters: JSON) throws(ResponseError) -> JSON {
    let (unit, offset) = try location(parameters)
    guard let list = view(unit.path).completion(at: offset, in: unit.path) else { return .null }
    let range = positions(unit).json(list.range)
    let items = list.items.enumerated().map { index, item in completionItem(item, index: index, range: range) }
    return ["isIncomplete": false, "items": .array(items)]
  }

  private func completionItem(_ item: CompletionItem, index: Int, range: JSON) -> JSON {
    let isSnippet = item.isSnippet && capabilities.hasSnippets
    let text = isSnippet ? item.insertion : item.isSnippet ? item.label : item.insertion
    let order = String(index)
    var members: [JSON.Member] = [
      .init("label", .string(item.label)), .init("kind", .int(item.kind.number)),
      .init("sortText", .string(String(repeating: "0", count: max(0, 5 - order.count)) + order)),
      .init("textEdit", ["range": range, "newText": .string(text)]),
    ]
    if isSnippet { members.append(.init("insertTextFormat", 2)) }
    if !item.detail.isEmpty { members.append(.init("detail", .string(item.detail))) }
    if !item.documentation.isEmpty {
      members.append(.init("documentation", ["kind": "markdown", "value": .string(item.documentation)]))
    }
    return .object(members)
  }

  /// One edit for the changed part of the document; none for a document with syntax errors.
  mutating func formattingEdits(_ parameters: JSON) throws(ResponseError) -> [JSON] {
    let unit = try unit(parameters)
    return unit.formattingEdits.map { edit in
      ["range": positions(unit).json(edit.location.range), "newText": .string(edit.text)]
    }
  }
}

extension CompletionItem.Kind {
  /// The number of the kind in the protocol.
  var number: Int64 {
    switch self {
    case .state: 20
    case .event: 23
    case .action, .function: 3
    case .flow: 7
    case .role, .code: 21
    case .type: 22
    case .enumValue: 20
    case .field: 5
    case .variable: 6
    case .constant: 21
    case .keyword: 14
    case .snippet: 15
    case .file: 17
    }
  }
}

// Formatting of parts.
extension Connection {
  static let formattingHandlers: [String: Handler] = [
    "textDocument/rangeFormatting": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let positions = connection.positions(unit)
      let range = positions.range(parameters["range"]) ?? unit.range
      return .array(unit.formattingEdits(in: range).map { connection.edit($0, positions) })
    },
    "textDocument/onTypeFormatting": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      let positions = connection.positions(unit)
      return .array(unit.formattingEdits(in: unit.block(endingAt: offset)).map { connection.edit($0, positions) })
    },
    "textDocument/signatureHelp": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      guard let help = connection.view(unit.path).signatureHelp(at: offset, in: unit.path) else { return .null }
      let parameters = help.parameters.map { JSON.object([.init("label", .string($0))]) }
      return [
        "signatures": [
          [
            "label": .string(help.label), "documentation": ["kind": "markdown", "value": .string(help.documentation)],
            "parameters": .array(parameters),
          ]
        ],
        "activeSignature": 0, "activeParameter": .int(Int64(help.active)),
      ]
    },
  ]

  func edit(_ edit: TextEdit, _ positions: Positions) -> JSON {
    ["range": positions.json(edit.location.range), "newText": .string(edit.text)]
  }
}
