import FlowDiagnostics
public import FlowSource

/// The diagnostics of a text that does not compile.
public struct CompilationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// In the order of the text; at least one is an error.
  public var diagnostics: [Diagnostic]
  /// The text, so that ``description`` can show the ranges.
  public var text: String

  /// The diagnostics with the source underlined.
  public var description: String {
    var sources = SourceSet()
    sources.add(name: "<expression>", text: Array(text.utf8))
    let renderer = PrettyRenderer(sources: sources)
    return diagnostics.map { renderer.render($0) }.joined(separator: "\n")
  }
}

extension Environment {
  /// Parses, checks and compiles a text.
  ///
  /// - Parameter expecting: The type that the value has to have; nil for any.
  /// - Throws: ``CompilationError`` with all diagnostics.
  public func compile(_ text: String, expecting: ValueType? = nil) throws(CompilationError) -> ExpressionProgram {
    let (expression, mistakes) = parse(text)
    if mistakes.hasErrors { throw CompilationError(diagnostics: mistakes, text: text) }
    let checked = check(expression, expecting: expecting)
    guard let typed = checked.expression else {
      throw CompilationError(diagnostics: mistakes + checked.diagnostics, text: text)
    }
    do throws(LoadError) {
      return try ExpressionProgram(typed, types: types)
    } catch {
      let problem = Diagnostic("F216", error.message, at: expression.range)
      throw CompilationError(diagnostics: [problem], text: text)
    }
  }
}

extension ExpressionProgram {
  /// Evaluates the program once, with values for its variables.
  ///
  /// For many evaluations keep an ``Evaluator`` and a ``Frame``: they need no memory for each.
  /// - Parameters:
  ///   - variables: By name; one that is left out has no value, and reading it fails.
  ///   - limits: What the evaluation may cost.
  /// - Throws: `EvaluationError` with the range of the part that failed.
  public func evaluate(
    _ variables: [String: Value] = [:], limits: Limits = .default
  ) throws(EvaluationError) -> Value {
    let evaluator = Evaluator(types: types, limits: limits)
    let read = typed.readVariables
    let frame = Frame(count: (read.map(\.slot).max() ?? 0) + 1)
    for variable in read {
      if let value = variables[variable.name] { frame[variable.slot] = evaluator.slot(value, as: variable.type) }
    }
    return evaluator.value(try evaluator.evaluate(self, frame: frame), as: typed.type)
  }
}

extension TypedExpression {
  /// The variables that are read, through definitions too, each with its type.
  public var readVariables: [(name: String, slot: Int, type: ValueType)] {
    var found: [Int: (name: String, slot: Int, type: ValueType)] = [:]
    var seen: Set<ObjectIdentifier> = []
    var waiting = [self]
    while let node = waiting.popLast() {
      switch node.kind {
      case .variable(let name, let slot): found[slot] = (name, slot, node.type)
      case .named(let definition):
        if seen.insert(ObjectIdentifier(definition)).inserted { waiting.append(definition.body) }
      default: waiting += node.children
      }
    }
    return found.values.sorted { $0.slot < $1.slot }
  }
}
