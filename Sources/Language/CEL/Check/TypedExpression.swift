import FlowJSON
public import FlowSource

/// A checked expression: types, chosen overloads, slots of variables.
///
/// Its height is bounded by ``maximumHeight``; programs are compiled from it, and the IR stores it as JSON.
public struct TypedExpression: Hashable, Sendable {
  /// The largest height of a tree, including the definitions it names.
  public static let maximumHeight = 500

  public var range: SourceRange
  public var type: ValueType
  public var kind: Kind
  let height: Int32

  public init(_ range: SourceRange, _ type: ValueType, _ kind: Kind) {
    self.range = range
    self.type = type
    self.kind = kind
    var highest: Int32 = 0
    kind.forEachChild { highest = max(highest, $0.height) }
    height = highest + 1
  }

  public indirect enum Kind: Hashable, Sendable {
    case constant(Value)
    case variable(String, slot: Int)
    /// A variable of a macro; counted from the outermost, from 0.
    case local(String, index: Int)
    /// A reference to a definition; its body is evaluated at most once.
    case named(Definition)
    /// An unresolved name or call; an error when it is evaluated. Only in unchecked expressions.
    case failure(String)
    case select(TypedExpression, field: String, Expression.SelectMode)
    /// A member's receiver is the first argument. `overload` is nil when it is selected at run time.
    case call(Builtin, overload: String?, [TypedExpression])
    case and([TypedExpression])
    case or([TypedExpression])
    case conditional(TypedExpression, then: TypedExpression, else: TypedExpression)
    case list([Element])
    case map([Entry])
    case record(String, [FieldValue])
    case comprehension(Comprehension)
    case bind(String, local: Int, value: TypedExpression, body: TypedExpression)
    /// Values at the locals from `first` on, each evaluated at most once.
    case block(first: Int, [TypedExpression], body: TypedExpression)
    case function(FunctionDefinition, [TypedExpression])
    /// The value, checked at run time to be of this node's type, and wrapped when that is optional.
    case coerce(TypedExpression)
  }

  public struct Element: Hashable, Sendable {
    public var value: TypedExpression
    public var isOptional: Bool
  }

  public struct Entry: Hashable, Sendable {
    public var key: TypedExpression
    public var value: TypedExpression
    public var isOptional: Bool
  }

  public struct FieldValue: Hashable, Sendable {
    public var field: String
    public var value: TypedExpression
    public var isOptional: Bool
  }

  public struct Comprehension: Hashable, Sendable {
    public var macro: Expression.Macro
    /// One or two; their locals are `first` and `first + 1`.
    public var variables: [String]
    public var first: Int
    public var range: TypedExpression
    public var filter: TypedExpression?
    public var body: TypedExpression
  }
}

/// A `let` or constant: a name for an expression.
public final class Definition: Hashable, Sendable {
  public let name: String
  public let body: TypedExpression
  /// Two hashes of the name and the body, so that bodies which use other definitions several times are compared in
  /// constant time.
  private let fingerprint: SIMD2<Int>

  public init(name: String, body: TypedExpression) {
    self.name = name
    self.body = body
    func hash(_ number: Int) -> Int {
      var hasher = Hasher()
      hasher.combine(number)
      hasher.combine(name)
      hasher.combine(body)
      return hasher.finalize()
    }
    fingerprint = SIMD2(hash(0), hash(1))
  }

  public static func == (left: Definition, right: Definition) -> Bool {
    left === right || left.fingerprint == right.fingerprint
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

/// A function that is defined by an expression over its parameters.
public final class FunctionDefinition: Hashable, Sendable {
  public let name: String
  /// The slots of the body's variables for the parameters.
  public let parameterSlots: [Int]
  public let parameterTypes: [ValueType]
  public let body: TypedExpression
  /// The number of operations of the body with those of the functions that it calls, at each call.
  public let size: Int

  public init(name: String, parameterSlots: [Int], parameterTypes: [ValueType], body: TypedExpression) {
    self.name = name
    self.parameterSlots = parameterSlots
    self.parameterTypes = parameterTypes
    self.body = body
    size = body.expandedSize
  }

  public static func == (left: FunctionDefinition, right: FunctionDefinition) -> Bool {
    left === right
      || (left.name == right.name && left.parameterSlots == right.parameterSlots
        && left.parameterTypes == right.parameterTypes && left.body == right.body)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension TypedExpression {
  /// The number of operations, with the bodies of functions at each call. Definitions are evaluated at most once.
  fileprivate var expandedSize: Int {
    switch kind {
    case .named: return 1
    case .function(let function, let arguments):
      return arguments.reduce(function.size.addingClamped(1)) { $0.addingClamped($1.expandedSize) }
    default:
      var size = 1
      forEachChild { size = size.addingClamped($0.expandedSize) }
      return size
    }
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

extension TypedExpression.Kind {
  /// The direct sub-expressions, in the order of the text; bodies of definitions and functions last.
  public var children: [TypedExpression] {
    var found: [TypedExpression] = []
    forEachChild { found.append($0) }
    return found
  }

  /// Calls a function for each of ``children``, and builds no list.
  public func forEachChild(_ body: (TypedExpression) -> Void) {
    switch self {
    case .constant, .variable, .local, .failure: break
    case .named(let definition): body(definition.body)
    case .select(let operand, _, _), .coerce(let operand): body(operand)
    case .call(_, _, let parts), .and(let parts), .or(let parts): for part in parts { body(part) }
    case .conditional(let condition, let then, let otherwise):
      body(condition)
      body(then)
      body(otherwise)
    case .list(let elements): for element in elements { body(element.value) }
    case .map(let entries):
      for entry in entries {
        body(entry.key)
        body(entry.value)
      }
    case .record(_, let fields): for field in fields { body(field.value) }
    case .comprehension(let macro):
      body(macro.range)
      if let filter = macro.filter { body(filter) }
      body(macro.body)
    case .bind(_, _, let value, let rest):
      body(value)
      body(rest)
    case .block(_, let values, let rest):
      for value in values { body(value) }
      body(rest)
    case .function(let function, let arguments):
      for argument in arguments { body(argument) }
      body(function.body)
    }
  }
}

extension TypedExpression {
  /// The direct sub-expressions, in the order of the text.
  public var children: [TypedExpression] { kind.children }

  /// Calls a function for each of ``children``, and builds no list.
  public func forEachChild(_ body: (TypedExpression) -> Void) { kind.forEachChild(body) }

  /// The value, if it is known without evaluation.
  public var constant: Value? {
    if case .constant(let value) = kind { value } else { nil }
  }

  /// The value of a scalar constant, or of a record of such constants with all its fields; nil for anything else, which
  /// has to be evaluated.
  public func literal(in types: TypeRegistry) -> Value? {
    switch kind {
    case .constant(let value):
      switch value {
      case .bool, .int, .uint, .double, .string: return value
      default: return nil
      }
    case .record(let name, let given):
      guard let declaration = types.recordIndex(name).map({ types.records[$0] }),
        given.count == declaration.fields.count
      else { return nil }
      var fields: [RecordValue.Field] = []
      for field in declaration.fields {
        guard let entry = given.first(where: { $0.field == field.name }), !entry.isOptional,
          let value = entry.value.literal(in: types)
        else { return nil }
        fields.append(.init(field.name, value))
      }
      return .record(RecordValue(typeName: declaration.name, fields: fields))
    default: return nil
    }
  }

  /// The slots of the frame that are read, also through definitions.
  public var usedSlots: Set<Int> {
    var slots: Set<Int> = []
    var seen: Set<ObjectIdentifier> = []
    collectSlots(into: &slots, seen: &seen)
    return slots
  }

  private func collectSlots(into slots: inout Set<Int>, seen: inout Set<ObjectIdentifier>) {
    switch kind {
    case .variable(_, let slot): slots.insert(slot)
    case .named(let definition):
      if seen.insert(ObjectIdentifier(definition)).inserted { definition.body.collectSlots(into: &slots, seen: &seen) }
    case .function(let function, let arguments):
      for argument in arguments { argument.collectSlots(into: &slots, seen: &seen) }
      if seen.insert(ObjectIdentifier(function)).inserted {
        var inner: Set<Int> = []
        function.body.collectSlots(into: &inner, seen: &seen)
        slots.formUnion(inner.subtracting(function.parameterSlots))
      }
    default: for child in children { child.collectSlots(into: &slots, seen: &seen) }
    }
  }
}
