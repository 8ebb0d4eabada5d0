import FlowIDE
import FlowJSON
import FlowSource

// Code actions, hints, lenses.
extension Connection {
  static let actionHandlers: [String: Handler] = [
    "textDocument/codeAction": { connection, parameters throws(ResponseError) in try connection.codeActions(parameters)
    },
    "textDocument/inlayHint": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let positions = connection.positions(unit)
      let range = positions.range(parameters["range"]) ?? unit.range
      return .array(
        connection.view(unit.path).inlayHints(in: unit.path, range: range).map { hint in
          var members: [JSON.Member] = [
            .init("position", positions.json(hint.offset)), .init("label", .string(hint.text)),
          ]
          if hint.kind == .type { members.append(.init("kind", 1)) }
          if !hint.tooltip.isEmpty {
            members.append(.init("tooltip", ["kind": "markdown", "value": .string(hint.tooltip)]))
          }
          return .object(members)
        })
    },
    "textDocument/codeLens": { connection, parameters throws(ResponseError) in
      let unit = try connection.unit(parameters)
      let positions = connection.positions(unit)
      return .array(
        connection.view(unit.path).lenses(in: unit.path).map { lens in
          ["range": positions.json(lens.range), "command": connection.command(lens, unit)]
        })
    },
  ]

  private func command(_ lens: Lens, _ unit: SourceUnit) -> JSON {
    let uri = JSON.string(self.uri(of: unit.path))
    let (name, rest): (String, [JSON]) =
      switch lens.action {
      case .runTest(let test): ("flow.runTest", [.string(test)])
      case .showDiagram(let flow): ("flow.showDiagram", [.string(flow)])
      case .verify(let flow): ("flow.verify", [.string(flow)])
      case .openSession: ("flow.openSession", [])
      case .none: ("", [])
      }
    return ["title": .string(lens.title), "command": .string(name), "arguments": .array([uri] + rest)]
  }

  private mutating func codeActions(_ parameters: JSON) throws(ResponseError) -> JSON {
    let unit = try unit(parameters)
    let range = positions(unit).range(parameters["range"]) ?? SourceRange(0, 0)
    let only = parameters["context"]?["only"]?.array?.compactMap(\.string)
    func isWanted(_ kind: String) -> Bool {
      only.map { $0.contains { kind == $0 || kind.hasPrefix($0 + ".") } } ?? true
    }
    let findings = currentFindings(of: unit.path)
    var found: [JSON] = []
    for action in view(unit.path).codeActions(in: unit.path, range: range, findings: findings)
    where isWanted(action.kind.rawValue) {
      var members: [JSON.Member] = [
        .init("title", .string(action.title)), .init("kind", .string(action.kind.rawValue)),
        .init("edit", workspaceEdit(action.edits)),
      ]
      if action.isPreferred { members.append(.init("isPreferred", true)) }
      if let finding = action.finding { members.append(.init("diagnostics", [diagnostic(finding)])) }
      found.append(.object(members))
    }
    let codes = Set(
      findings.filter { $0.location.range.lower <= range.upper && range.lower <= $0.location.range.upper }.map(\.code))
    for code in codes.sorted() where isWanted("quickfix") {
      let edits = ProgramView.allRepairs(of: code, in: findings)
      guard edits.count > 1 else { continue }
      found.append([
        "title": .string("fix all \(code) of this file"), "kind": "quickfix", "edit": workspaceEdit(edits),
      ])
    }
    if isWanted("source.fixAll"), only != nil {
      let edits = ProgramView.allRepairs(of: nil, in: findings)
      if !edits.isEmpty {
        found.append(["title": "fix all", "kind": "source.fixAll.flow", "edit": workspaceEdit(edits)])
      }
    }
    return .array(found)
  }
}
