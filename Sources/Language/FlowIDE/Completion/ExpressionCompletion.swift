public import CEL

/// The proposals inside of an expression, for editors and sessions.
public enum ExpressionCompletion {
  /// The variables, definitions and functions that an expression may name.
  public static func names(in environment: Environment) -> [CompletionItem] {
    environment.names.map { CompletionItem($0.name, .variable, detail: "\($0.type)") } + functions(in: environment)
  }

  /// The functions that are not called on a value.
  static func functions(in environment: Environment?) -> [CompletionItem] {
    guard let environment else { return [] }
    return environment.functionNames.compactMap { name in
      let signatures = environment.signatures(of: name).filter { !$0.isMember }
      guard let first = signatures.first else { return name == "has" ? call(name, detail: "has(field) -> bool") : nil }
      return call(name, detail: first.description)
    }
  }

  private static func call(_ name: String, detail: String) -> CompletionItem {
    CompletionItem(name, .function, detail: detail, insertion: "\(name)($0)", isSnippet: true)
  }

  /// The fields and functions of a value.
  /// - Parameter fieldTypes: The fields, where they are known better than from the environment.
  public static func members(
    of type: ValueType, in environment: Environment?, fieldTypes: [(String, ValueType)]? = nil
  ) -> [CompletionItem] {
    var found: [CompletionItem] = []
    if case .record(let name) = type.unwrapped {
      let fields = fieldTypes ?? environment?.types.record(named: name)?.fields.map { ($0.name, $0.type) } ?? []
      found += fields.map { CompletionItem($0.0, .field, detail: "\($0.1)") }
    }
    found += macros(of: type)
    guard let environment else { return found }
    for name in environment.functionNames {
      guard
        let signature = environment.signatures(of: name).first(where: { $0.isMember && accepts($0.parameters[0], type) }
        )
      else { continue }
      let isPlain = signature.parameters.count == 1
      found.append(
        CompletionItem(
          name, .function, detail: signature.description, insertion: isPlain ? "\(name)()" : "\(name)($0)",
          isSnippet: !isPlain, rank: 1))
    }
    return found
  }

  /// The macros of lists and maps.
  private static func macros(of type: ValueType) -> [CompletionItem] {
    let names: [String]
    switch type {
    case .list: names = ["map", "filter", "all", "exists", "exists_one", "sortBy"]
    case .map: names = ["all", "exists", "exists_one", "transformList", "transformMap"]
    case .optional: names = ["optMap", "optFlatMap"]
    default: return []
    }
    return names.map {
      CompletionItem($0, .function, detail: "macro", insertion: "\($0)(${1:x}, $0)", isSnippet: true, rank: 1)
    }
  }

  /// Returns whether a function accepts a receiver of a type.
  private static func accepts(_ parameter: ValueType, _ type: ValueType) -> Bool {
    switch (parameter, type) {
    case (.parameter, _): true
    case (.list(let inner), .list(let element)): accepts(inner, element)
    case (.map, .map), (.optional, .optional): true
    default: parameter == type
    }
  }
}
