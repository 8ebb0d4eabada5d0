import FlowJSON
import FlowSource

/// Builds a typed expression from its stored form, part by part.
struct TreeReader {
  /// The largest number of nodes in an expression.
  static let maximumNodes = 1_000_000

  private var types: [ValueType] = []
  /// Nodes that are read and not yet part of another node.
  private var nodes: [TypedExpression?] = []
  private var definitionBodies: [(name: String, node: Int)] = []
  private var definitions: [Definition?] = []
  private var functionHeads: [(name: String, slots: [Int], types: [ValueType], node: Int)] = []
  private var functions: [FunctionDefinition?] = []

  mutating func read(_ json: JSON) throws(LoadError) -> TypedExpression {
    guard let list = json["nodes"]?.array, let typeList = json["types"]?.array, let root = json["root"]?.int,
      list.count <= Self.maximumNodes
    else { throw LoadError("an expression has `types`, `nodes` and a `root`") }
    for type in typeList { types.append(try ValueType(json: type)) }
    try readHeads(json)
    for node in list { nodes.append(try readNode(node)) }
    return try expression(root)
  }

  private mutating func readHeads(_ json: JSON) throws(LoadError) {
    for item in json["definitions"]?.array ?? [] {
      guard let parts = item.array, parts.count == 2, let name = parts[0].string, let node = parts[1].int else {
        throw LoadError("a definition has a name and a node")
      }
      definitionBodies.append((name, node))
      definitions.append(nil)
    }
    for item in json["functions"]?.array ?? [] {
      guard let parts = item.array, parts.count == 4, let name = parts[0].string, let node = parts[3].int else {
        throw LoadError("a function has a name, slots, types and a node")
      }
      let slots = try integers(parts[1])
      var parameterTypes: [ValueType] = []
      for index in try integers(parts[2]) { parameterTypes.append(try type(index)) }
      guard slots.count == parameterTypes.count else { throw LoadError("a function has a type for each slot") }
      functionHeads.append((name, slots, parameterTypes, node))
      functions.append(nil)
    }
  }

  // MARK: Access

  private func type(_ index: Int) throws(LoadError) -> ValueType {
    guard types.indices.contains(index) else { throw LoadError("there is no type \(index)") }
    return types[index]
  }

  /// Each node becomes part of exactly one other node, so that the tree is no larger than the list.
  private mutating func expression(_ index: Int) throws(LoadError) -> TypedExpression {
    guard nodes.indices.contains(index), let node = nodes[index] else { throw LoadError("there is no node \(index)") }
    nodes[index] = nil
    guard node.height < TypedExpression.maximumHeight else { throw LoadError("the expression nests too deep") }
    return node
  }

  private mutating func expression(_ json: JSON) throws(LoadError) -> TypedExpression {
    guard let index = json.int else { throw LoadError("a part is the number of a node") }
    return try expression(index)
  }

  private mutating func expressions(_ json: JSON) throws(LoadError) -> [TypedExpression] {
    var result: [TypedExpression] = []
    for index in try integers(json) { result.append(try expression(index)) }
    return result
  }

  private func integers(_ json: JSON) throws(LoadError) -> [Int] {
    let numbers = json.array?.compactMap(\.int) ?? []
    guard numbers.count == json.array?.count else { throw LoadError("this is not a list of numbers") }
    return numbers
  }

  private func flags(_ json: JSON, _ count: Int) throws(LoadError) -> [Bool] {
    let flags = json.array?.compactMap(\.bool) ?? []
    guard flags.count == count, json.array?.count == count else { throw LoadError("this is not a list of flags") }
    return flags
  }

  private func strings(_ json: JSON) throws(LoadError) -> [String] {
    let strings = json.array?.compactMap(\.string) ?? []
    guard strings.count == json.array?.count else { throw LoadError("this is not a list of names") }
    return strings
  }

  private mutating func definition(_ index: Int) throws(LoadError) -> Definition {
    guard definitions.indices.contains(index) else { throw LoadError("there is no definition \(index)") }
    if let known = definitions[index] { return known }
    let made = Definition(name: definitionBodies[index].name, body: try expression(definitionBodies[index].node))
    definitions[index] = made
    return made
  }

  private mutating func function(_ index: Int) throws(LoadError) -> FunctionDefinition {
    guard functions.indices.contains(index) else { throw LoadError("there is no function \(index)") }
    if let known = functions[index] { return known }
    let head = functionHeads[index]
    let made = FunctionDefinition(
      name: head.name, parameterSlots: head.slots, parameterTypes: head.types, body: try expression(head.node))
    functions[index] = made
    return made
  }

  // MARK: Nodes

  private mutating func readNode(_ json: JSON) throws(LoadError) -> TypedExpression {
    guard let parts = json.array, parts.count >= 5, let kind = parts[0].string,
      let lower = parts[1].int.flatMap({ UInt32(exactly: $0) }),
      let upper = parts[2].int.flatMap({ UInt32(exactly: $0) }),
      let type = parts[3].int
    else { throw LoadError("a node has a kind, a range, a type and a content") }
    let content = Array(parts.dropFirst(4))
    var made = try readSimple(kind, content)
    if made == nil { made = try readCompound(kind, content) }
    guard let made else { throw LoadError("there is no node like `\(kind)`") }
    return TypedExpression(SourceRange(lower, upper), try self.type(type), made)
  }

  private mutating func readSimple(_ kind: String, _ content: [JSON]) throws(LoadError) -> TypedExpression.Kind? {
    switch (kind, content.count) {
    case ("constant", 1): return .constant(try Value(encoding: content[0]))
    case ("variable", 2), ("local", 2):
      guard let name = content[0].string, let index = content[1].int, (0..<(1 << 28)).contains(index) else {
        return nil
      }
      return kind == "local" ? .local(name, index: index) : .variable(name, slot: index)
    case ("named", 1): return .named(try definition(content[0].int ?? -1))
    case ("failure", 1): return content[0].string.map(TypedExpression.Kind.failure)
    case ("select", 3):
      guard let field = content[1].string, let name = content[2].string,
        let mode = Expression.SelectMode(rawValue: name)
      else { return nil }
      return .select(try expression(content[0]), field: field, mode)
    case ("call", 3):
      guard let name = content[0].string, let builtin = Builtin.named[name] else { return nil }
      return .call(builtin, overload: content[1].string, try expressions(content[2]))
    case ("and", 1): return .and(try expressions(content[0]))
    case ("or", 1): return .or(try expressions(content[0]))
    case ("conditional", 3):
      return .conditional(
        try expression(content[0]), then: try expression(content[1]), else: try expression(content[2]))
    case ("coerce", 1): return .coerce(try expression(content[0]))
    case ("function", 2):
      let function = try function(content[0].int ?? -1)
      let arguments = try expressions(content[1])
      guard arguments.count == function.parameterSlots.count else { throw LoadError("a call lacks arguments") }
      return .function(function, arguments)
    default: return nil
    }
  }

  private mutating func readCompound(_ kind: String, _ content: [JSON]) throws(LoadError) -> TypedExpression.Kind? {
    switch (kind, content.count) {
    case ("list", 2):
      let values = try expressions(content[0])
      let flags = try flags(content[1], values.count)
      return .list(zip(values, flags).map { .init(value: $0, isOptional: $1) })
    case ("map", 3):
      let keys = try expressions(content[0])
      let values = try expressions(content[1])
      let flags = try flags(content[2], keys.count)
      guard values.count == keys.count else { return nil }
      return .map(keys.indices.map { .init(key: keys[$0], value: values[$0], isOptional: flags[$0]) })
    case ("record", 4):
      let names = try strings(content[1])
      let values = try expressions(content[2])
      let flags = try flags(content[3], names.count)
      guard let name = content[0].string, values.count == names.count else { return nil }
      return .record(name, names.indices.map { .init(field: names[$0], value: values[$0], isOptional: flags[$0]) })
    case ("comprehension", 6):
      let variables = try strings(content[1])
      guard let macro = content[0].string.flatMap(Expression.Macro.init), (1...2).contains(variables.count),
        let first = content[2].int, (0..<(1 << 20)).contains(first)
      else { return nil }
      return .comprehension(
        TypedExpression.Comprehension(
          macro: macro, variables: variables, first: first, range: try expression(content[3]),
          filter: content[4] == .null ? nil : try expression(content[4]), body: try expression(content[5])))
    case ("bind", 4):
      guard let name = content[0].string, let local = content[1].int, (0..<(1 << 20)).contains(local) else {
        return nil
      }
      return .bind(name, local: local, value: try expression(content[2]), body: try expression(content[3]))
    case ("block", 3):
      guard let first = content[0].int, (0..<(1 << 20)).contains(first) else { return nil }
      return .block(first: first, try expressions(content[1]), body: try expression(content[2]))
    default: return nil
    }
  }
}
