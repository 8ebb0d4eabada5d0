import CEL
import FlowChecker
import FlowSource
import FlowSyntax

/// Finds all names of a file that mean an entity.
struct OccurrenceCollector {
  let names: ProgramNames
  let analysis: Analysis?
  let unit: SourceUnit
  private(set) var found: [Occurrence] = []
  var scope: ExpressionScope
  /// The action or flow whose failure the current reaction handles.
  var failing: String?
  /// The smallest expression at ``searched``, with the names that it sees.
  private(set) var expression: (Expression, ExpressionScope)?
  private var searched: SourceRange?

  init(_ names: ProgramNames, _ analysis: Analysis?, unit: SourceUnit) {
    self.names = names
    self.analysis = analysis
    self.unit = unit
    scope = ExpressionScope(names, analysis)
  }

  /// The occurrences in the order of the text.
  mutating func collect() -> [Occurrence] {
    for qualified in unit.parsed.qualified {
      let length = UInt32(qualified.alias.utf8.count)
      add(
        .alias(qualified.alias, file: unit.path),
        at: SourceRange(qualified.range.lower, qualified.range.lower + length))
    }
    for declaration in unit.parsed.declarations { visit(declaration) }
    return found.sorted { ($0.range.lower, $0.range.upper) < ($1.range.lower, $1.range.upper) }
  }

  /// The smallest expression that contains an offset or ends at it, with the names that it sees.
  mutating func expression(at offset: UInt32) -> (Expression, ExpressionScope)? {
    expression(covering: SourceRange(offset, offset))
  }

  /// The smallest expression that covers a range, with the names that it sees.
  mutating func expression(covering range: SourceRange) -> (Expression, ExpressionScope)? {
    searched = range
    for declaration in unit.parsed.declarations where declaration.contains(range.lower) { visit(declaration) }
    return expression
  }

  /// Keeps an expression when it is the smallest so far at the searched offset.
  mutating func note(_ candidate: Expression) {
    guard let searched, candidate.range.lower <= searched.lower, searched.upper <= candidate.range.upper else { return }
    expression = (candidate, scope)
  }

  mutating func add(_ entity: Entity?, at range: SourceRange, access: Occurrence.Access = .read) {
    guard let entity, !range.isEmpty else { return }
    found.append(Occurrence(of: entity, at: range, access: access))
  }

  /// Adds a name; a qualified one without the name of its file.
  mutating func add(_ entity: Entity?, _ name: NameNode, access: Occurrence.Access = .read) {
    guard !name.isMissing else { return }
    add(entity, at: narrowed(name.range, to: name.text), access: access)
  }

  /// The part of a range that is the name itself: without `shop.` before it and quotes around it.
  func narrowed(_ range: SourceRange, to name: String) -> SourceRange {
    let length = UInt32(name.utf8.count)
    guard range.upper - range.lower > length else { return range }
    let quotes = ["`", "\"", "'"].map { UInt8(ascii: $0) }
    let isQuoted = unit.source.slice(range).last.map { quotes.contains($0) } ?? false
    let upper = range.upper - (isQuoted ? 1 : 0)
    return upper >= range.lower + length ? SourceRange(upper - length, upper) : range
  }

  // MARK: - Declarations

  private mutating func visit(_ declaration: Declaration) {
    scope = ExpressionScope(names, analysis)
    switch declaration {
    case .importing(let node):
      if !node.path.isEmpty { add(.file(resolvedPath(node.path, from: unit.path)), at: node.pathRange) }
      if let alias = node.alias { add(.alias(alias.text, file: unit.path), alias, access: .declaration) }
    case .type(let node):
      add(.type(node.name.text), node.name, access: .declaration)
      visit(fields: node.fields) { .field($0, of: node.name.text) }
    case .enumeration(let node):
      add(.enumeration(node.name.text), node.name, access: .declaration)
      for value in node.values { add(.enumValue(value.text, of: node.name.text), value, access: .declaration) }
    case .constant(let node):
      add(.constant(node.name.text), node.name, access: .declaration)
      visit(node.value)
    case .function(let node): visit(node)
    case .role(let node): add(.role(node.name.text), node.name, access: .declaration)
    case .event(let node): visit(node, as: node.name.text)
    case .action(let node): visit(node)
    case .flow(let node): visit(node)
    case .test(let node): visit(node)
    }
  }

  mutating func visit(fields: [FieldNode], _ entity: (String) -> Entity) {
    for field in fields {
      add(entity(field.name.text), field.name, access: .declaration)
      visit(field.type)
      if let value = field.defaultValue { visit(value) }
    }
  }

  mutating func visit(_ type: TypeReferenceNode) {
    let name = type.name.text
    let entity: Entity? =
      names.types[name] != nil ? .type(name) : names.enums[name] != nil ? .enumeration(name) : nil
    if let last = type.name.names.last { add(entity, last) }
    for argument in type.arguments { visit(argument) }
  }

  mutating func visit(_ node: EventNode, as name: String) {
    add(.event(name), node.name, access: .declaration)
    if let secret = node.webhook?.secret { visit(secret) }
    visit(fields: node.fields) { .field($0, of: name) }
    scope.locals = scope.members(of: node, as: name)
    for member in node.lets {
      add(.field(member.name.text, of: name), member.name, access: .declaration)
      visit(member.value)
    }
    scope.locals = []
  }

  private mutating func visit(_ node: FunctionNode) {
    let name = node.name.text
    add(.function(name), node.name, access: .declaration)
    visit(fields: node.parameters) { .parameter($0, of: .function(name)) }
    visit(node.result)
    scope.locals = node.parameters.map {
      .init(name: $0.name.text, type: names.type(of: $0.type), entity: .parameter($0.name.text, of: .function(name)))
    }
    // The body repeats the parts of rows.
    for row in node.rows {
      if let condition = row.condition { visit(condition) }
      visit(row.value)
    }
    if node.rows.isEmpty { visit(node.body) }
  }

  private mutating func visit(_ node: ActionNode) {
    let name = node.name.text
    add(.action(name), at: node.name.range, access: .declaration)
    visit(fields: node.parameters) { .parameter($0, of: .action(name)) }
    if let result = node.result { visit(result) }
    for code in node.failures { add(.failure(code.text, of: name), code, access: .declaration) }
    scope.locals = node.parameters.map {
      .init(name: $0.name.text, type: names.type(of: $0.type), entity: .parameter($0.name.text, of: .action(name)))
    }
    if let binding = node.binding { visit(binding) }
    visit(node.policies, of: name)
  }

  private mutating func visit(_ binding: BindingNode) {
    switch binding.kind {
    case .http(_, let url): visit(url)
    case .publish(let exchange, let key):
      visit(exchange)
      visit(key)
    case .redis(let text), .sql(let text), .exec(let text), .log(let text): visit(text)
    case .email, .worker: break
    }
    for setting in binding.settings { visit(setting.value) }
  }

  /// - Parameter callee: The action whose failure codes the policies name.
  mutating func visit(_ policies: [PolicyNode], of callee: String) {
    for policy in policies {
      switch policy.kind {
      case .retry(_, let only, _): for code in only { add(failure(code.text, of: callee), code) }
      case .status(_, _, let code): add(failure(code.text, of: callee), code)
      case .signed(let expression), .concurrency(_, let expression?), .limit(_, _, let expression?): visit(expression)
      case .timeout, .limit, .concurrency: break
      }
    }
  }

  /// A declared failure code, or the `failed` state of a flow.
  func failure(_ code: String, of callee: String) -> Entity? {
    if names.definitions[.failure(code, of: callee)] != nil { return .failure(code, of: callee) }
    guard let chart = names.charts[callee] else { return nil }
    return chart.states.first { $0.node?.kind == .failed && $0.name.text == code }
      .map { .state($0.path, flow: callee) }
  }
}

extension Declaration {
  func contains(_ offset: UInt32) -> Bool { range.lower <= offset && offset <= range.upper }
}
