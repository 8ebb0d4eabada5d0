import CEL
import FlowSource

// Definitions, references and highlights.
extension ProgramView {
  /// The declaration of what is named at an offset.
  public func definition(at offset: UInt32, in path: String) -> Place? {
    guard let occurrence = occurrence(at: offset, in: path) else { return nil }
    switch occurrence.entity {
    case .file(let file): return unit(file).map { Place(file: $0.path, range: SourceRange(0, 0)) }
    case .local(_, let file, _):
      return occurrences(in: file).first { $0.entity == occurrence.entity && $0.access == .declaration }
        .map { Place(file: file, range: $0.range) }
    default: return declaration(of: occurrence.entity)?.location
    }
  }

  /// The declaration of the type of what is named at an offset.
  public func typeDefinition(at offset: UInt32, in path: String) -> Place? {
    guard let unit = unit(path) else { return nil }
    var collector = OccurrenceCollector(names, analysis, unit: unit)
    let type: ValueType?
    if let (expression, scope) = collector.expression(at: offset) {
      type = scope.type(of: expression)
    } else if case .data(let name, let flow)? = occurrence(at: offset, in: path)?.entity {
      type = ExpressionScope(names, analysis, flow: flow).type(of: name)
    } else {
      type = nil
    }
    guard let name = type?.declaredName else { return nil }
    return (declaration(of: .type(name)) ?? declaration(of: .event(name)) ?? declaration(of: .enumeration(name)))?
      .location
  }

  /// All locations that name the entity at an offset, over all files of the program.
  public func references(at offset: UInt32, in path: String, includesDeclaration: Bool) -> [Place] {
    guard let entity = occurrence(at: offset, in: path)?.entity else { return [] }
    return locations(of: entity, includesDeclaration: includesDeclaration)
  }

  func locations(of entity: Entity, includesDeclaration: Bool) -> [Place] {
    units.flatMap { unit in
      occurrences(in: unit.path).filter { $0.entity == entity && (includesDeclaration || $0.access != .declaration) }
        .map { Place(file: unit.path, range: $0.range) }
    }
  }

  /// The occurrences in the same file of the entity at an offset.
  public func highlights(at offset: UInt32, in path: String) -> [Occurrence] {
    guard let entity = occurrence(at: offset, in: path)?.entity else { return [] }
    return occurrences(in: path).filter { $0.entity == entity }
  }
}

extension ValueType {
  /// The name of the declared type that it is, or that its elements have.
  fileprivate var declaredName: String? {
    switch self {
    case .record(let name), .enumeration(let name): name
    case .optional(let inner), .list(let inner): inner.declaredName
    case .map(_, let value): value.declaredName
    default: nil
    }
  }
}
