import CEL
import FlowSource
import FlowSyntax

/// The reason why a name can't be changed.
public struct RenameProblem: Error, Hashable, Sendable {
  /// A sentence without a full stop.
  public var message: String
}

extension ProgramView {
  /// The name at an offset, if it can be changed.
  /// - Throws: `RenameProblem` when there is no name, or one that no file declares.
  public func renamedRange(at offset: UInt32, in path: String) throws(RenameProblem) -> Occurrence {
    guard let occurrence = occurrence(at: offset, in: path) else {
      throw RenameProblem(message: "there is no name here")
    }
    guard occurrence.entity.isDeclared else {
      throw RenameProblem(message: "`\(occurrence.entity.name)` is predefined")
    }
    if case .file = occurrence.entity { throw RenameProblem(message: "a file is renamed in the file system") }
    return occurrence
  }

  /// The edits that change a name everywhere in the program.
  /// - Throws: `RenameProblem` when the new name is no name, or is in use.
  public func rename(at offset: UInt32, in path: String, to name: String) throws(RenameProblem) -> [TextEdit] {
    let occurrence = try renamedRange(at: offset, in: path)
    let entity = occurrence.entity
    guard isName(name) else { throw RenameProblem(message: "`\(name)` is not a name") }
    guard !ProgramView.reservedNames.contains(name) else {
      throw RenameProblem(message: "`\(name)` is a reserved word")
    }
    guard name != entity.name else { return [] }
    if let flow = flow(withKey: entity) {
      throw RenameProblem(
        message: "`\(entity.name)` is the key of `\(flow)`, which events carry under the name of the data field")
    }
    if let other = conflict(of: name, with: entity) {
      throw RenameProblem(message: "`\(name)` is in use\(line(of: other))")
    }
    let locations = locations(of: entity, includesDeclaration: true)
    if isShared(locations, by: entity) {
      throw RenameProblem(message: "`take \(entity.name)` requires one name in the data and in the event")
    }
    let edits = locations.map { location in
      TextEdit(location, replacement(of: entity, by: name, at: location))
    }
    return edits + callsNamed(for: entity).map { TextEdit($0, name) }
  }

  /// The uses of the results of calls without `as`, which have the name of their action or flow.
  private func callsNamed(for entity: Entity) -> [Place] {
    switch entity {
    case .action, .flow: break
    default: return []
    }
    return names.charts.flatMap { flow, chart -> [Place] in
      let calls = chart.states.compactMap(\.node).flatMap(\.calls).filter { $0.name == nil }
      guard let call = calls.first(where: { $0.action.text == entity.name }), let last = call.action.names.last else {
        return []
      }
      return locations(of: .call(last.text, flow: flow), includesDeclaration: false)
    }
  }

  /// The flow whose key a data field is, or that finds its key in a member of an event.
  private func flow(withKey entity: Entity) -> String? {
    for (name, chart) in names.charts where chart.flow.key?.text == entity.name {
      switch entity {
      case .data(_, flow: name): return name
      case .field(_, of: let record) where names.definitions[.event(record)] != nil: return name
      default: continue
      }
    }
    return nil
  }

  /// True if one of the locations names another entity as well, as in `take`.
  private func isShared(_ locations: [Place], by entity: Entity) -> Bool {
    let files = Set(locations.map(\.file))
    let others = files.flatMap { file in
      occurrences(in: file).filter { $0.entity != entity }.map { Place(file: file, range: $0.range) }
    }
    return !Set(others).isDisjoint(with: locations)
  }

  /// Dotted names of actions are replaced as a whole.
  private func replacement(of entity: Entity, by name: String, at location: Place) -> String {
    if case .action(let old) = entity, let dot = old.lastIndex(of: "."), !name.contains(".") {
      return old[...dot] + name
    }
    // A call without `as` has the name of its action; that of the call needs `as`.
    return name
  }

  private func line(of definition: DeclaredEntity) -> String {
    guard let unit = unit(definition.location.file) else { return "" }
    let line = unit.source.position(of: definition.location.range.lower).line
    return ": `\(definition.signature.prefix { $0 != "\n" })` in \(definition.location.file), line \(line)"
  }

  private func isName(_ text: String) -> Bool {
    let source = SourceUnit(path: "", text: Array(text.utf8))
    return source.tokens.count == 1 && source.tokens.first?.kind == .identifier
      && text.utf8.count == Int(source.range.upper)
  }

  /// Names that the language uses itself.
  private static let reservedNames: Set<String> = [
    "event", "now", "self", "caller", "key", "do", "when", "by", "on", "always", "entry", "exit", "call", "state",
    "emit", "raise", "log", "true", "false", "null", "in",
  ]

  /// A declaration with the new name in the same space of names.
  private func conflict(of name: String, with entity: Entity) -> DeclaredEntity? {
    let rivals: [Entity]
    switch entity {
    case .type, .enumeration: rivals = [.type(name), .enumeration(name), .event(name)]
    case .event(let old):
      let flow = old.split(separator: ".").dropLast().joined(separator: ".")
      rivals =
        flow.isEmpty ? [.type(name), .enumeration(name), .event(name)] : [.event("\(flow).\(name)"), .event(name)]
    case .constant, .function: rivals = [.constant(name), .function(name)]
    case .action, .flow: rivals = [.action(name), .flow(name)]
    case .role: rivals = [.role(name), .flow(name)]
    case .enumValue(_, let type): rivals = [.enumValue(name, of: type)]
    case .field(_, let record): rivals = [.field(name, of: record)]
    case .parameter(_, let callable): rivals = [.parameter(name, of: callable)]
    case .state(let path, let flow):
      let parent = path.split(separator: ".").dropLast().joined(separator: ".")
      rivals = [.state(parent.isEmpty ? name : "\(parent).\(name)", flow: flow)]
    case .data(_, let flow), .definition(_, let flow), .call(_, let flow):
      rivals = [.data(name, flow: flow), .definition(name, flow: flow), .call(name, flow: flow)]
    case .stateField(_, let state, let flow):
      rivals = [
        .stateField(name, state: state, flow: flow), .data(name, flow: flow), .definition(name, flow: flow),
        .call(name, flow: flow),
      ]
    case .failure(_, let callee): rivals = [.failure(name, of: callee)]
    case .alias(_, let file): rivals = [.alias(name, file: file)]
    case .local, .file, .predefined, .library, .predefinedField: rivals = []
    }
    return rivals.lazy.compactMap { self.names.definitions[$0] }.first
  }
}
