import CEL
import FlowChecker
import FlowSource
import FlowSyntax

// Names in expressions, fields, arguments, types.
extension CompletionSource {
  /// The names that an expression at the cursor sees.
  var scope: ExpressionScope {
    let found = view.scope(at: context.word.lower, context.unit)
    var scope = ExpressionScope(names, view.analysis, flow: flow)
    if found.flow == flow { scope.locals = found.locals }
    if let chart, scope.locals.isEmpty { scope.locals = names.stateFields(of: chart, in: state) }
    if let action = context.name(of: .action) { scope.locals += parameters(of: .action(action)) }
    if let function = context.name(of: .table), scope.locals.isEmpty {
      scope.locals = parameters(of: .function(function))
    }
    if let event = context.name(of: .event), let node = names.events[event], scope.locals.isEmpty {
      scope.locals = scope.members(of: node, as: event)
    }
    if let chart { scope.event = context.triggers.lazy.compactMap { scope.eventType(of: $0, in: chart) }.first }
    if scope.event == nil { scope.event = found.event }
    addMacroVariables(to: &scope)
    return scope
  }

  /// Adds the variables of the macros around the cursor whose bodies are unfinished, such as `x` in
  /// `items.all(x, x.`: they are in no tree.
  private func addMacroVariables(to scope: inout ExpressionScope) {
    for open in context.blocks.filter({ $0.kind == .arguments }).map(\.open) {
      guard CompletionSource.macros.contains(context.text(open - 1)), context.kind(open - 2) == .dot,
        context.kind(open + 1) == .identifier, context.kind(open + 2) == .comma
      else { continue }
      let name = context.text(open + 1)
      guard !scope.locals.contains(where: { $0.name == name }) else { continue }
      let type: ValueType =
        switch operandType(scope, before: open - 2) {
        case .list(let element): element
        case .map(let key, _): key
        default: .dyn
        }
      scope.locals.append(.init(name: name, type: type, entity: .predefined(name)))
    }
  }

  /// The macros that bind a variable.
  private static let macros: Set<String> = ["all", "exists", "exists_one", "existsOne", "filter", "map"]

  private func parameters(of callable: Entity.Callable) -> [ExpressionScope.Local] {
    let fields: [FieldNode] =
      switch callable {
      case .action(let name): names.actions[name]?.parameters ?? []
      case .function(let name): names.functions[name]?.parameters ?? []
      }
    return fields.map {
      .init(name: $0.name.text, type: names.type(of: $0.type), entity: .parameter($0.name.text, of: callable))
    }
  }

  func expressionNames() -> [CompletionItem] {
    let scope = self.scope
    var found = scope.locals.map { CompletionItem($0.name, .variable, detail: "\($0.type)") }
    if scope.event != nil { found.append(CompletionItem("event", .variable, detail: eventDetail(scope))) }
    found += dataFields()
    if let flow {
      found +=
        names.charts[flow]?.flow.lets.filter { !$0.name.isMissing }.map {
          CompletionItem(
            $0.name.text, .variable, detail: "\(scope.type(of: $0.name.text))", documentation: $0.documentation)
        } ?? []
      found += names.order.compactMap { entity in
        guard case .call(let name, flow) = entity else { return nil }
        return CompletionItem(name, .variable, detail: "result of a call", rank: 1)
      }
      found += ["now", "self", "caller", "key"].compactMap { name in
        let type = scope.type(of: name)
        return type == .dyn
          ? nil
          : CompletionItem(
            name, .variable, detail: "\(type)", documentation: Vocabulary.names[name] ?? "", rank: 2)
      }
    }
    found += names.order.compactMap(globalName)
    return found
      + ExpressionCompletion.functions(in: scope.environment).map { item in
        var later = item
        later.rank = 4
        return later
      }
  }

  private func eventDetail(_ scope: ExpressionScope) -> String {
    let triggers = context.triggers
    return triggers.count > 1 ? triggers.joined(separator: " or ") : scope.event.map { "\($0)" } ?? ""
  }

  private func globalName(_ entity: Entity) -> CompletionItem? {
    let definition = names.definitions[entity]
    let text = definition?.documentation ?? ""
    switch entity {
    case .constant(let name):
      return CompletionItem(name, .constant, detail: definition?.signature ?? "", documentation: text, rank: 2)
    case .enumeration(let name): return CompletionItem(name, .type, detail: "enum", documentation: text, rank: 3)
    case .type(let name): return CompletionItem(name, .type, detail: "type", documentation: text, rank: 3)
    case .function(let name):
      return CompletionItem(
        name, .function, detail: definition?.signature ?? "", documentation: text, insertion: "\(name)($0)",
        isSnippet: true, rank: 2)
    default: return nil
    }
  }

  func dataFields() -> [CompletionItem] {
    guard let flow, let fields = names.charts[flow]?.flow.fields else { return [] }
    return fields.filter { !$0.name.isMissing }.map {
      CompletionItem($0.name.text, .field, detail: "\(names.type(of: $0.type))")
    }
  }

  /// The fields that an action at the cursor may assign: those of the states around, and the data.
  func assignableFields() -> [CompletionItem] {
    let ofStates = chart.map { names.stateFields(of: $0, in: state) } ?? []
    return ofStates.map { CompletionItem($0.name, .field, detail: "\($0.type)") } + dataFields()
  }

  /// The data fields for which the event of the reaction has a member of the same name.
  func takenFields() -> [CompletionItem] {
    guard let event = scope.event else { return dataFields() }
    let members = Set((fields(of: event) ?? []).map(\.0))
    return dataFields().filter { members.contains($0.label) }
  }

  // MARK: - Behind a dot

  func members() -> [CompletionItem] {
    if let chart, let states = childStates(chart) { return states }
    let path = context.path(endingAt: context.last - 1)
    if let alias = aliased(path) { return alias }
    if let values = names.enums[path]?.values {
      return values.map { CompletionItem($0.text, .enumValue, detail: path) }
    }
    if path == "event", context.triggers.count > 1, let common = commonFields() { return common }
    let scope = self.scope
    let type = operandType(scope, before: context.last)
    guard type != .dyn || !path.isEmpty else { return [] }
    return ExpressionCompletion.members(of: type, in: scope.environment, fieldTypes: fields(of: type))
  }

  /// The fields of a declared record, from the tree: they may be newer than the last check.
  private func fields(of type: ValueType) -> [(String, ValueType)]? {
    guard case .record(let name) = type.unwrapped else { return nil }
    guard let fields = names.fields(ofRecord: name) else { return nil }
    let declared = fields.filter { !$0.name.isMissing }.map { ($0.name.text, names.type(of: $0.type)) }
    guard let event = names.events[name], !event.lets.isEmpty else { return declared }
    let scope = ExpressionScope(names, view.analysis, flow: flow)
    return declared
      + event.lets.filter { !$0.name.isMissing }.map {
        ($0.name.text, scope.fieldType($0.name.text, of: .record(name)))
      }
  }

  /// The fields that all events of the reaction have with one type.
  private func commonFields() -> [CompletionItem]? {
    guard let chart else { return nil }
    let scope = ExpressionScope(names, view.analysis, flow: flow)
    let all = context.triggers.map { trigger -> [(String, ValueType)] in
      guard let type = scope.eventType(of: trigger, in: chart) else { return [] }
      if let declared = fields(of: type) { return declared }
      guard case .record(let name) = type else { return [] }
      return scope.environment?.types.record(named: name)?.fields.map { ($0.name, $0.type) } ?? []
    }
    guard let first = all.first else { return nil }
    return first.filter { field in all.allSatisfy { $0.contains { $0 == field } } }
      .map { CompletionItem($0.0, .field, detail: "\($0.1)", documentation: "In all events of this reaction.") }
  }

  /// The type of the operand before a dot, read from its tokens.
  private func operandType(_ scope: ExpressionScope, before dot: Int) -> ValueType {
    var start = dot
    var depth = 0
    scan: while start > 0 {
      switch context.kind(start - 1) {
      case .rightParen, .rightBracket: depth += 1
      case .leftParen, .leftBracket:
        if depth == 0 { break scan }
        depth -= 1
      case .identifier, .quotedIdentifier, .string, .int, .double:
        let isJoined =
          start == dot || depth > 0 || [.dot, .leftParen, .leftBracket].contains(context.kind(start))
        if !isJoined { break scan }
      case .dot: break
      default: if depth == 0 { break scan }
      }
      start -= 1
    }
    guard start < dot else { return .dyn }
    let range = SourceRange(context.tokens[start].range.lower, context.tokens[dot - 1].range.upper)
    let (expression, problems) = parse(context.unit.text(range))
    return problems.isEmpty ? scope.type(of: expression) : .dyn
  }

  /// The states inside of the one before the dot, behind `->` and in lists of states.
  private func childStates(_ chart: Chart) -> [CompletionItem]? {
    var at = context.last
    var path: [String] = []
    while context.kind(at) == .dot, context.kind(at - 1) == .identifier {
      path.insert(context.text(at - 1), at: 0)
      at -= 2
    }
    guard context.kind(at) == .arrow || ["never", "and", "to", "state"].contains(context.word(at)), !path.isEmpty else {
      return nil
    }
    guard let parent = chart.resolve(path, from: state)?.last else { return nil }
    let children = chart.states[parent].children.map {
      CompletionItem(chart.states[$0].name.text, .state, detail: "state")
    }
    return children + [CompletionItem("history", .keyword, detail: "the state that was active last", rank: 1)]
  }

  /// The declarations of an imported file.
  private func aliased(_ name: String) -> [CompletionItem]? {
    for case .importing(let node) in context.unit.parsed.declarations where node.alias?.text == name {
      let file = resolvedPath(node.path, from: context.unit.path)
      return names.order.compactMap { entity in
        guard let definition = names.definitions[entity], definition.location.file == file else { return nil }
        switch entity {
        case .type, .enumeration: return CompletionItem(entity.name, .type, detail: definition.signature)
        case .event: return CompletionItem(entity.name, .event, detail: definition.signature)
        case .action: return CompletionItem(entity.name, .action, detail: definition.signature)
        case .constant: return CompletionItem(entity.name, .constant, detail: definition.signature)
        case .function: return CompletionItem(entity.name, .function, detail: definition.signature)
        default: return nil
        }
      }
    }
    return nil
  }

  // MARK: - Records and arguments

  func recordFields() -> [CompletionItem] {
    let name = context.block?.name ?? ""
    guard let record = names.event(name, flow: flow) ?? (names.types[name] != nil ? name : nil) else { return [] }
    let given = givenNames()
    return (names.fields(ofRecord: record) ?? []).filter { !given.contains($0.name.text) && !$0.name.isMissing }.map {
      let isRequired = $0.defaultValue == nil && !$0.type.isOptional
      return CompletionItem(
        $0.name.text, .field, detail: "\(names.type(of: $0.type))", insertion: "\($0.name.text): ",
        rank: isRequired ? 0 : 1)
    }
  }

  func arguments() -> [CompletionItem] {
    let given = givenNames()
    let name = context.block?.name ?? ""
    let isTarget = context.block.map { context.isTarget($0) } ?? false
    let parameters = isTarget ? targetFields(name) : names.parameters(ofCallee: name)
    return (parameters ?? []).filter { !given.contains($0.name.text) }.map {
      let isRequired = $0.defaultValue == nil && !$0.type.isOptional
      return CompletionItem(
        $0.name.text, .field, detail: "\(names.type(of: $0.type))", insertion: "\($0.name.text): ",
        rank: isRequired ? 0 : 1)
    }
  }

  /// The fields of the state in `-> state(…)`.
  private func targetFields(_ name: String) -> [FieldNode]? {
    guard let chart, let target = chart.resolve(name.split(separator: ".").map(String.init), from: state)?.last else {
      return nil
    }
    return chart.states[target].node?.fields
  }

  /// The names before `:` in the innermost block.
  private func givenNames() -> Set<String> {
    guard let open = context.block?.open else { return [] }
    return Set(
      (open + 1..<max(open + 1, context.tokens.count)).filter { context.kind($0 + 1) == .colon }.map {
        context.word($0)
      })
  }

  func types() -> [CompletionItem] {
    let declared = names.order.compactMap { entity -> CompletionItem? in
      switch entity {
      case .type(let name): CompletionItem(name, .type, detail: "type")
      case .enumeration(let name): CompletionItem(name, .type, detail: "enum")
      default: nil
      }
    }
    let simple = ProgramNames.simpleTypes.keys.sorted().map { CompletionItem($0, .type, rank: 1) }
    return declared + simple + [
      CompletionItem("list", .type, insertion: "list<$1>", isSnippet: true, rank: 1),
      CompletionItem("map", .type, insertion: "map<string, $1>", isSnippet: true, rank: 1),
    ]
  }
}
