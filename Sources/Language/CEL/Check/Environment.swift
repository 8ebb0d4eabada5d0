public import FlowSource

/// The names that an expression may use: variables, definitions, functions, types.
public struct Environment: Sendable {
  public var types: TypeRegistry
  /// The namespace in which names are resolved first, from the innermost part: `a.b`.
  public var container: String
  /// Reports faults of constant operations: an overflow, a division by zero, a bad pattern.
  ///
  /// Plain CEL leaves them to run time, where `||` may absorb them.
  public var reportsConstantFaults = true

  struct Variable: Sendable {
    var type: ValueType
    var slot: Int
  }

  var variables = NameTable<Variable>()
  var definitions = NameTable<Definition>()
  var functions = NameTable<FunctionDefinition>()
  /// Overloads by name: of the library, and those only declared.
  private(set) var overloads = Self.libraryOverloads
  private var slotCount = 0
  /// The first parts of the declared names.
  private var roots = NameRoots()

  public init(types: TypeRegistry = TypeRegistry(), container: String = "") {
    self.types = types
    self.container = container
  }

  /// The overloads of the library, by name.
  static let libraryOverloads = Dictionary(grouping: Library.allCases.flatMap { $0.overloads() }, by: \.name)
  private static let libraryRoots = NameRoots(libraryOverloads.keys)

  /// Declares a variable and returns its slot in the evaluation frame: `slot`, or the next free one.
  @discardableResult
  public mutating func declare(variable name: String, type: ValueType, slot: Int? = nil) -> Int {
    let index = slot ?? slotCount
    slotCount = max(slotCount, index + 1)
    variables[name] = Variable(type: type, slot: index)
    roots.add(name)
    return index
  }

  /// Returns whether a variable of this name is declared.
  public func hasVariable(_ name: String) -> Bool { variables[name] != nil }

  /// Declares a name for an expression; a reference to it is evaluated at most once.
  public mutating func declare(definition name: String, _ body: TypedExpression) {
    definitions[name] = Definition(name: name, body: body)
    roots.add(name)
  }

  /// Returns false if no function has a name that begins with this one and a dot.
  func mayBeNamespace(_ name: String) -> Bool {
    Self.libraryRoots.contains(name) || mayBeQualified(name)
  }

  /// Returns false if a name is only that of a variable or a definition, so that a selection from it is no other name.
  func mayBeQualified(_ name: String) -> Bool {
    !container.isEmpty || roots.contains(name) || types.mayBeQualified(name)
  }

  /// Declares a function by its body, in which the variables at `parameterSlots` are the arguments.
  public mutating func declare(
    function name: String, parameterTypes: [ValueType], parameterSlots: [Int], body: TypedExpression
  ) {
    declare(
      FunctionDefinition(name: name, parameterSlots: parameterSlots, parameterTypes: parameterTypes, body: body))
  }

  /// Declares a function.
  public mutating func declare(_ function: FunctionDefinition) {
    functions[function.name] = function
    roots.add(function.name)
  }

  /// The body of a declared function; nil for a function of the library.
  public func body(ofFunction name: String) -> TypedExpression? { functions[name]?.body }

  /// Declares an overload that can be checked but has no implementation.
  public mutating func declare(_ signature: Signature) {
    overloads[signature.name, default: []].append(signature)
    roots.add(signature.name)
  }

  /// Removes a variable or definition.
  public mutating func remove(_ name: String) {
    if variables[name] != nil { variables[name] = nil }
    if definitions[name] != nil { definitions[name] = nil }
  }

  /// The number of slots that a frame needs for the declared variables.
  public var frameCount: Int { slotCount }

  /// The declared variables with their types, sorted by name.
  public var variableTypes: [(name: String, type: ValueType)] {
    variables.entries.map { ($0.key, $0.value.type) }.sorted { $0.name < $1.name }
  }

  /// The declared variables and definitions with their types, sorted by name.
  public var names: [(name: String, type: ValueType)] {
    (variableTypes + definitions.entries.map { ($0.key, $0.value.body.type) }).sorted { $0.name < $1.name }
  }

  /// The type of a variable or a definition.
  public func type(of name: String) -> ValueType? { variables[name]?.type ?? definitions[name]?.body.type }

  /// The slot of a variable in the frame.
  public func slot(of name: String) -> Int? { variables[name]?.slot }

  /// The overloads of a function, for hints.
  public func signatures(of name: String) -> [Signature] { overloads[name] ?? [] }

  /// Returns whether the library or the caller declares a function of this name.
  public func hasFunction(_ name: String) -> Bool { overloads[name] != nil || functions[name] != nil }

  /// The names of all functions, without operators.
  public var functionNames: [String] {
    let library = overloads.keys.filter { !$0.contains("_") && !$0.contains("@") }
    return (library + functions.keys + ["math.greatest", "math.least", "has"]).sorted()
  }

  /// Checks types and names.
  ///
  /// - Parameter expecting: The wanted type: `dyn` values are then checked at run time, and a `T` is accepted
  ///   for a `T?`.
  /// - Returns: The typed expression unless there was an error, the type in any case.
  public func check(
    _ expression: Expression, expecting: ValueType? = nil
  ) -> (expression: TypedExpression?, type: ValueType, diagnostics: [Diagnostic]) {
    var checker = Checker(environment: self, isLenient: false)
    let typed = checker.checkRoot(expression, expecting: expecting)
    let diagnostics = checker.diagnostics.sortedByRange()
    return (diagnostics.hasErrors ? nil : typed, typed.type, diagnostics)
  }

  /// Resolves names only, and defers all type checks to run time.
  public func resolve(_ expression: Expression) -> TypedExpression {
    var checker = Checker(environment: self, isLenient: true)
    return checker.checkRoot(expression, expecting: nil)
  }

  /// The qualified forms of `name` in the container, most qualified first.
  func candidates(_ name: String, isRooted: Bool) -> [String] {
    if isRooted || container.isEmpty { return [name] }
    var parts = container.split(separator: ".")
    var names: [String] = []
    while !parts.isEmpty {
      names.append(parts.joined(separator: ".") + "." + name)
      parts.removeLast()
    }
    return names + [name]
  }
}
