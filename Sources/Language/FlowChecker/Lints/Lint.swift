import CEL
import FlowSource
import FlowSyntax

/// The program that lints inspect in addition to a flow; it has no errors.
struct LintContext {
  let files: [ParsedFile]
  let symbols: Symbols
  let actions: [CheckedAction]
  /// The declared records, with the bounds of their fields.
  let types: TypeRegistry
  /// The files that have one flow and start with a comment about it.
  let introduced: [SourceRange]

  init(files: [ParsedFile], symbols: Symbols, actions: [CheckedAction], types: TypeRegistry) {
    self.files = files
    self.types = types
    self.symbols = symbols
    self.actions = actions
    introduced = files.filter(\.isIntroduced).map(\.source.range)
  }
}

extension ParsedFile {
  var flowCount: Int {
    declarations.count { declaration in
      if case .flow = declaration { true } else { false }
    }
  }

  fileprivate var isIntroduced: Bool { source.text.starts(with: Array("///".utf8)) && flowCount == 1 }
}

/// The parts of a flow for checks across flows, so that the whole flow need not be kept.
struct FlowSummary {
  let name: NameNode
  let calls: [(name: String, range: SourceRange)]
  let emits: [(event: Int, range: SourceRange)]
  let startsOn: [Int]
  /// True if the clock starts the flow.
  let isScheduled: Bool
  /// The events that every caller may send to the flow, with the reaction or start.
  let open: [(event: Int, range: SourceRange)]
  /// The events that reactions and starts accept from flows, with the flows after `by`.
  let admissions: [(event: Int, senders: [Int], range: SourceRange)]

  /// The events that the flow answers with other events, again and again.
  let relays: [EventRelay]
  /// The events that the flow sends to all instances of a flow.
  let broadcasts: [CheckedBroadcast]
  /// The events that its states defer.
  private let deferred: Set<Int>
  /// The events that the flow raises.
  let raises: Set<Int>
  /// The events that reactions name.
  private let reacted: Set<Int>
  /// True if a reaction is to any event.
  private let handlesAny: Bool
  /// The names that the flow uses, of those that are declared in the program.
  let uses: [String]

  init(_ flow: CheckedFlow, _ checker: FlowChecker, uses: some Sequence<String>) {
    name = flow.node.name
    self.uses = Array(uses)
    relays = checker.relays
    broadcasts = checker.broadcasts
    deferred = Set(flow.states.flatMap(\.deferred))
    reacted = Set(flow.reactions.compactMap { if case .event(let event) = $0.trigger { event } else { nil } })
    handlesAny = flow.reactions.contains { if case .any = $0.trigger { true } else { false } }
    raises = Set(allActs(flow).compactMap { if case .raise(let event, _) = $0.kind { event } else { nil } })
    calls = flow.calls.compactMap { call in
      if case .flow = call.target { (call.node.action.text, call.node.action.range) } else { nil }
    }
    emits = allActs(flow).compactMap { act in
      if case .emit(let event, _, to: _) = act.kind { (event, act.range) } else { nil }
    }
    let reactions = flow.reactions.compactMap { reaction -> (event: Int, range: SourceRange)? in
      guard case .event(let event) = reaction.trigger, reaction.rest.isOpen else { return nil }
      return (event, reaction.range)
    }
    let starts = flow.starts.compactMap { start -> (event: Int, range: SourceRange)? in
      guard case .event(let event, _) = start.trigger, start.rest.isOpen else { return nil }
      return (event, start.range)
    }
    open = reactions + starts
    startsOn = flow.starts.compactMap { start in
      if case .event(let event, _) = start.trigger { event } else { nil }
    }
    isScheduled = flow.starts.contains { start in
      switch start.trigger {
      case .every, .cron: true
      case .event, .called: false
      }
    }
    admissions =
      flow.starts.compactMap { start in
        guard case .event(let event, _) = start.trigger, !start.rest.senders.isEmpty else { return nil }
        return (event, start.rest.senders, start.range)
      }
      + flow.reactions.compactMap { reaction in
        guard case .event(let event) = reaction.trigger, !reaction.rest.senders.isEmpty else { return nil }
        return (event, reaction.rest.senders, reaction.range)
      }
  }

  /// Returns true if an event may start the flow, or make a step of it.
  func handles(_ event: Int) -> Bool { handlesAny || reacted.contains(event) || startsOn.contains(event) }

  /// Returns true if a running instance may react to an event, at once or later.
  func receives(_ event: Int) -> Bool { handlesAny || reacted.contains(event) || deferred.contains(event) }
}

/// The findings about a flow that has no errors. Each rule is a function in the file of its subject.
func lint(_ flow: CheckedFlow, _ context: LintContext, using uses: Uses) -> [Diagnostic] {
  var problems: [Diagnostic] = []
  checkUnusedNames(of: flow, using: uses, into: &problems)
  checkNames(of: flow, context, into: &problems)
  checkCosts(of: flow, context.types, into: &problems)
  checkTimers(of: flow, into: &problems)
  checkTimeouts(of: flow, into: &problems)
  checkCallPolicies(of: flow, context, into: &problems)
  checkKeyLifetime(of: flow, into: &problems)
  checkRaisedEvents(of: flow, context, into: &problems)
  checkOwnEmissions(of: flow, context, into: &problems)
  checkUnhandledEvents(of: flow, context, into: &problems)
  checkDeadAssignments(of: flow, into: &problems)
  checkHistory(of: flow, into: &problems)
  checkDoubles(of: flow, into: &problems)
  checkRollbacks(of: flow, into: &problems)
  return problems
}

/// The findings about the program as a whole.
func lint(_ context: LintContext, _ flows: [FlowSummary], using uses: ProgramUses) -> [Diagnostic] {
  var problems: [Diagnostic] = []
  checkUnusedDeclarations(context, using: uses, into: &problems)
  checkUnusedImports(context, using: uses, into: &problems)
  checkSecrets(context, into: &problems)
  checkNames(context, into: &problems)
  checkConfusingNames(context, into: &problems)
  checkDeprecatedUses(context, into: &problems)
  checkEmitCycles(flows, into: &problems)
  checkRelays(flows, context, into: &problems)
  checkForgeableEvents(flows, context, into: &problems)
  checkUnsentEvents(flows, context, using: uses, into: &problems)
  for action in context.actions {
    checkPolicies(of: action, into: &problems)
    checkURLs(of: action, into: &problems)
  }
  return problems
}
