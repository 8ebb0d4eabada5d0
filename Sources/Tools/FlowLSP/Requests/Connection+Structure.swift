import FlowIDE
import FlowJSON
import FlowSource

// Outline, folding, selection, tokens.
extension Connection {
  static let structureHandlers: [String: Handler] = [
    "textDocument/documentSymbol": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let positions = connection.positions(unit)
      return .array(unit.outline.map { symbol($0, positions) })
    },
    "workspace/symbol": { connection, parameters throws(ResponseError) in
      connection.workspaceSymbols(matching: parameters["query"]?.string ?? "")
    },
    "textDocument/foldingRange": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      return .array(
        unit.foldingRanges.map { range in
          [
            "startLine": .int(Int64(range.first - 1)), "endLine": .int(Int64(range.last - 1)),
            "kind": .string(range.kind.rawValue),
          ]
        })
    },
    "textDocument/selectionRange": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let positions = connection.positions(unit)
      let offsets = (parameters["positions"]?.array ?? []).compactMap { positions.offset($0) }
      return .array(offsets.map { nested(unit.selectionRanges(at: $0), positions) })
    },
    "textDocument/semanticTokens/full": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      return connection.tokens(of: unit, range: nil)
    },
    "textDocument/semanticTokens/range": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      return connection.tokens(of: unit, range: connection.positions(unit).range(parameters["range"]))
    },
    "textDocument/documentLink": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let positions = connection.positions(unit)
      return .array(
        connection.view(unit.path).links(in: unit.path).map { location, target in
          ["range": positions.json(location.range), "target": .string(connection.uri(of: target))]
        })
    },
  ]

  private static func symbol(_ item: OutlineItem, _ positions: Positions) -> JSON {
    [
      "name": .string(item.name), "detail": .string(item.detail), "kind": .int(item.kind.number),
      "range": positions.json(item.range), "selectionRange": positions.json(item.nameRange),
      "children": .array(item.children.map { symbol($0, positions) }),
    ]
  }

  /// The ranges as a chain of parents.
  private static func nested(_ ranges: [SourceRange], _ positions: Positions) -> JSON {
    // The protocol's readers limit the nesting of documents as ours does.
    ranges.prefix(60).reversed().reduce(JSON.null) { parent, range in
      var members: [JSON.Member] = [.init("range", positions.json(range))]
      if parent != .null { members.append(.init("parent", parent)) }
      return .object(members)
    }
  }

  /// The declarations of the open programs whose names contain the letters of a query in their order.
  private mutating func workspaceSymbols(matching query: String) -> JSON {
    var found: [JSON] = []
    var seen: Set<String> = []
    for path in workspace.open.keys.sorted() {
      for view in workspace.views(for: path) {
        for unit in view.units where seen.insert(unit.path).inserted {
          let positions = self.positions(unit)
          let uri = uri(of: unit.path)
          func add(_ item: OutlineItem, in container: String) {
            guard item.kind != .reaction else { return }
            if query.isEmpty || isSubsequence(query.lowercased(), of: item.name.lowercased()) {
              found.append([
                "name": .string(item.name), "kind": .int(item.kind.number), "containerName": .string(container),
                "location": ["uri": .string(uri), "range": positions.json(item.nameRange)],
              ])
            }
            for child in item.children { add(child, in: item.name) }
          }
          for item in unit.outline { add(item, in: "") }
        }
      }
    }
    return .array(found)
  }

  private func isSubsequence(_ letters: String, of name: String) -> Bool {
    var rest = name[...]
    return letters.allSatisfy { letter in
      guard let index = rest.firstIndex(of: letter) else { return false }
      rest = rest[rest.index(after: index)...]
      return true
    }
  }

  // MARK: - Tokens

  /// The names of the token types, in the order of their numbers.
  static let tokenTypes: [String] = SemanticToken.Kind.allCases.map { kind in
    switch kind {
    case .enumeration: "enum"
    case .state: "state"
    case .flow: "class"
    case .data: "data"
    case .definition: "variable"
    case .constant: "constant"
    case .code: "code"
    default: "\(kind)"
    }
  }

  static let tokenModifiers = ["declaration", "modification", "documentation", "defaultLibrary"]

  private mutating func tokens(of unit: SourceUnit, range: SourceRange?) -> JSON {
    let positions = self.positions(unit)
    var data: [JSON] = []
    var last = (line: 0, character: 0)
    for token in view(unit.path).semanticTokens(in: unit.path, range: range) {
      // A token ends at the end of its line; strings may have several lines.
      for part in lines(of: token.range, unit) {
        let start = positions.position(part.lower)
        let end = positions.position(part.upper)
        guard end.character > start.character else { continue }
        let column = start.line == last.line ? start.character - last.character : start.character
        data += [
          .int(Int64(start.line - last.line)), .int(Int64(column)), .int(Int64(end.character - start.character)),
          .int(Int64(token.kind.rawValue)), .int(Int64(token.modifiers.rawValue)),
        ]
        last = start
      }
    }
    return ["data": .array(data)]
  }

  private func lines(of range: SourceRange, _ unit: SourceUnit) -> [SourceRange] {
    guard unit.source.slice(range).contains(0x0A) else { return [range] }
    var found: [SourceRange] = []
    var start = range.lower
    for offset in range.lower..<range.upper where unit.source.text[Int(offset)] == 0x0A {
      found.append(SourceRange(start, offset))
      start = offset + 1
    }
    return found + [SourceRange(start, range.upper)]
  }
}

extension OutlineItem.Kind {
  /// The number of the kind in the protocol.
  var number: Int64 {
    switch self {
    case .flow: 5
    case .state: 3
    case .event, .reaction: 24
    case .type: 23
    case .enumeration: 10
    case .enumValue: 22
    case .constant: 14
    case .function, .action: 12
    case .role: 20
    case .field: 8
    case .definition: 13
    case .call: 6
    case .test: 6
    }
  }
}
