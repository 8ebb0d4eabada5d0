public import FlowJSON
import FlowSource

/// The stored form is flat: a table of types and a list of nodes, in which children precede their parents.
///
/// So the depth of the document is constant, and reading it needs no recursion.
extension TypedExpression {
  public var json: JSON {
    var writer = TreeWriter()
    let root = writer.write(self)
    var members: [JSON.Member] = [
      .init("types", .array(writer.types.map(\.json))), .init("nodes", .array(writer.nodes)),
      .init("root", .int(Int64(root))),
    ]
    if !writer.definitions.isEmpty { members.append(.init("definitions", .array(writer.definitions))) }
    if !writer.functions.isEmpty { members.append(.init("functions", .array(writer.functions))) }
    return .object(members)
  }

  /// Reads and validates the stored form that ``json`` writes.
  ///
  /// - Throws: `LoadError` when the document is not a well-typed expression.
  public init(json: JSON) throws(LoadError) {
    var reader = TreeReader()
    self = try reader.read(json)
  }
}

private struct TreeWriter {
  var types: [ValueType] = []
  var nodes: [JSON] = []
  var definitions: [JSON] = []
  var functions: [JSON] = []
  private var typeIndices: [ValueType: Int] = [:]
  private var definitionIndices: [ObjectIdentifier: Int] = [:]
  private var functionIndices: [ObjectIdentifier: Int] = [:]

  private mutating func index(_ type: ValueType) -> Int {
    if let known = typeIndices[type] { return known }
    typeIndices[type] = types.count
    types.append(type)
    return types.count - 1
  }

  mutating func write(_ typed: TypedExpression) -> Int {
    let content = content(typed.kind)
    let head: [JSON] = [
      content[0], .int(Int64(typed.range.lower)), .int(Int64(typed.range.upper)), .int(Int64(index(typed.type))),
    ]
    nodes.append(.array(head + content.dropFirst()))
    return nodes.count - 1
  }

  private mutating func reference(_ typed: TypedExpression) -> JSON { .int(Int64(write(typed))) }

  private mutating func references(_ list: [TypedExpression]) -> [JSON] {
    var result: [JSON] = []
    for typed in list { result.append(reference(typed)) }
    return result
  }

  private mutating func content(_ kind: TypedExpression.Kind) -> [JSON] {
    switch kind {
    case .constant(let value): return ["constant", value.encoding]
    case .variable(let name, let slot): return ["variable", .string(name), .int(Int64(slot))]
    case .local(let name, let index): return ["local", .string(name), .int(Int64(index))]
    case .named(let definition): return ["named", .int(Int64(index(definition)))]
    case .failure(let message): return ["failure", .string(message)]
    case .select(let operand, let field, let mode):
      return ["select", reference(operand), .string(field), .string(mode.rawValue)]
    case .call(let builtin, let overload, let arguments):
      return ["call", .string(builtin.rawValue), overload.map(JSON.string) ?? .null, .array(references(arguments))]
    case .and(let terms): return ["and", .array(references(terms))]
    case .or(let terms): return ["or", .array(references(terms))]
    case .conditional(let condition, let then, let otherwise):
      return ["conditional"] + references([condition, then, otherwise])
    case .list(let elements):
      return ["list", .array(references(elements.map(\.value))), .array(elements.map { .bool($0.isOptional) })]
    case .map(let entries):
      return [
        "map", .array(references(entries.map(\.key))), .array(references(entries.map(\.value))),
        .array(entries.map { .bool($0.isOptional) }),
      ]
    case .record(let name, let fields):
      return [
        "record", .string(name), .array(fields.map { .string($0.field) }), .array(references(fields.map(\.value))),
        .array(fields.map { .bool($0.isOptional) }),
      ]
    case .comprehension(let macro):
      return [
        "comprehension", .string(macro.macro.rawValue), .array(macro.variables.map(JSON.string)),
        .int(Int64(macro.first)), reference(macro.range), macro.filter.map { reference($0) } ?? .null,
        reference(macro.body),
      ]
    case .bind(let name, let local, let value, let body):
      return ["bind", .string(name), .int(Int64(local)), reference(value), reference(body)]
    case .block(let first, let values, let body):
      return ["block", .int(Int64(first)), .array(references(values)), reference(body)]
    case .function(let function, let arguments):
      return ["function", .int(Int64(index(function))), .array(references(arguments))]
    case .coerce(let operand): return ["coerce", reference(operand)]
    }
  }

  private mutating func index(_ definition: Definition) -> Int {
    if let known = definitionIndices[ObjectIdentifier(definition)] { return known }
    let body = reference(definition.body)
    definitions.append([.string(definition.name), body])
    definitionIndices[ObjectIdentifier(definition)] = definitions.count - 1
    return definitions.count - 1
  }

  private mutating func index(_ function: FunctionDefinition) -> Int {
    if let known = functionIndices[ObjectIdentifier(function)] { return known }
    let body = reference(function.body)
    let slots = JSON.array(function.parameterSlots.map { .int(Int64($0)) })
    let types = JSON.array(function.parameterTypes.map { .int(Int64(index($0))) })
    functions.append([.string(function.name), slots, types, body])
    functionIndices[ObjectIdentifier(function)] = functions.count - 1
    return functions.count - 1
  }
}
