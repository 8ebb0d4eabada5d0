import FlowIDE
import FlowJSON
import FlowSource

// Calls between flows and actions.
extension Connection {
  static let hierarchyHandlers: [String: Handler] = [
    "textDocument/prepareCallHierarchy": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      guard let found = connection.view(unit.path).callable(at: offset, in: unit.path) else { return .null }
      return [connection.hierarchyItem(found)]
    },
    "callHierarchy/incomingCalls": { connection, parameters throws(ResponseError) in
      .array(
        try connection.entries(parameters) { view, entity in view.incomingCalls(of: entity) }.map { entry in
          ["from": connection.hierarchyItem(entry.declaration), "fromRanges": connection.ranges(entry.calls)]
        })
    },
    "callHierarchy/outgoingCalls": { connection, parameters throws(ResponseError) in
      .array(
        try connection.entries(parameters) { view, entity in view.outgoingCalls(of: entity) }.map { entry in
          ["to": connection.hierarchyItem(entry.declaration), "fromRanges": connection.ranges(entry.calls)]
        })
    },
  ]

  private mutating func entries(
    _ parameters: JSON, _ find: (ProgramView, Entity) -> [CallHierarchyEntry]
  ) throws(ResponseError) -> [CallHierarchyEntry] {
    guard let item = parameters["item"], let uri = item["uri"]?.string, let name = item["name"]?.string else {
      throw ResponseError(.invalidParameters, "`item` is missing")
    }
    let view = self.view(normalizedPath(ofURI: uri))
    return view.callable(named: name).map { find(view, $0.entity) } ?? []
  }

  private mutating func hierarchyItem(_ declaration: DeclaredEntity) -> JSON {
    guard let unit = workspace.unit(declaration.location.file) else { return .null }
    let isFlow = if case .flow = declaration.entity { true } else { false }
    return [
      "name": .string(declaration.entity.name), "kind": .int(isFlow ? 5 : 12),
      "detail": .string(declaration.signature), "uri": .string(uri(of: declaration.location.file)),
      "range": positions(unit).json(declaration.range),
      "selectionRange": positions(unit).json(declaration.location.range),
    ]
  }

  private mutating func ranges(_ locations: [Place]) -> JSON {
    .array(
      locations.compactMap { location in
        guard let unit = workspace.unit(location.file) else { return nil }
        return positions(unit).json(location.range)
      })
  }
}
