import FlowIDE
import FlowJSON
import FlowSource

// References, highlights and rename, over all programs that contain the file.
extension Connection {
  static let nameHandlers: [String: Handler] = [
    "textDocument/references": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      let includesDeclaration = parameters["context"]?["includeDeclaration"]?.bool ?? true
      var found: [Place] = []
      for view in connection.workspace.views(for: unit.path, isCurrent: true) {
        let locations = view.references(at: offset, in: unit.path, includesDeclaration: includesDeclaration)
        found += locations.filter { !found.contains($0) }
      }
      return .array(found.map { connection.location($0) })
    },
    "textDocument/documentHighlight": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      let found = connection.view(unit.path).highlights(at: offset, in: unit.path)
      return .array(
        found.map { occurrence in
          [
            "range": connection.positions(unit).json(occurrence.range),
            "kind": .int(occurrence.access == .read ? 2 : 3),
          ]
        })
    },
    "textDocument/prepareRename": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      do throws(RenameProblem) {
        let occurrence = try connection.view(unit.path, isCurrent: true).renamedRange(at: offset, in: unit.path)
        return [
          "range": connection.positions(unit).json(occurrence.range), "placeholder": .string(occurrence.entity.name),
        ]
      } catch {
        throw ResponseError(.requestFailed, error.message)
      }
    },
    "textDocument/rename": { connection, parameters throws(ResponseError) in
      let (unit, offset) = try connection.location(parameters)
      guard let name = parameters["newName"]?.string else {
        throw ResponseError(.invalidParameters, "`newName` is missing")
      }
      do throws(RenameProblem) {
        return connection.workspaceEdit(try connection.rename(offset, in: unit.path, to: name))
      } catch {
        throw ResponseError(.requestFailed, error.message)
      }
    },
  ]

  private mutating func rename(
    _ offset: UInt32, in path: String, to name: String
  ) throws(RenameProblem) -> [TextEdit] {
    var edits: [TextEdit] = []
    for view in workspace.views(for: path, isCurrent: true) {
      let own = try view.rename(at: offset, in: path, to: name)
      edits += own.filter { !edits.contains($0) }
    }
    return edits
  }
}
