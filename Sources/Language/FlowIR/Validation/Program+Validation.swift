import CEL
import FlowTime

extension Program {
  /// The maximum number of slots of a frame.
  public static let maximumFrame = 4096

  /// Checks that every index is in range and that the states are a tree in document order, so that execution needs no
  /// further checks.
  /// - Throws: `ProgramError` that names the problem.
  public func validate() throws(ProgramError) {
    try unique(flows.map(\.name), "flow")
    try unique(events.map(\.name), "event")
    try unique(actions.map(\.name), "action")
    for type in types { try validateBounds(of: type.fields.map { ($0.name, $0.type, $0.maximum) }, in: type.name) }
    for action in actions { try validate(action) }
    for event in events { try validate(event) }
    for flow in flows {
      try validateBounds(
        of: flow.fields.map { ($0.name, $0.type, $0.maximum) } + [("result", flow.result ?? .null, flow.resultMaximum)],
        in: flow.name)
      try FlowValidation(program: self, flow: flow).run()
    }
  }

  private func unique(_ names: [String], _ kind: String) throws(ProgramError) {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw ProgramError("there are two \(kind)s named `\(name)`")
    }
  }

  /// A bound is at least 0, and belongs to a type whose values have a size.
  private func validateBounds(
    of members: [(name: String, type: ValueType, maximum: Int?)], in owner: String
  ) throws(ProgramError) {
    for member in members {
      guard let maximum = member.maximum else { continue }
      guard maximum >= 0, SizeBound.isPossible(for: member.type) else {
        throw ProgramError("the bound of `\(member.name)` in `\(owner)` makes no sense")
      }
    }
  }

  private func validate(_ action: Action) throws(ProgramError) {
    try validateBounds(
      of: action.parameters.fields.map { ($0.name, $0.type, $0.maximum) }
        + [("result", action.result ?? .null, action.resultMaximum)], in: action.name)
    let limit = action.parameters.fields.count + action.environment.count
    let policy = action.policy
    guard policy.retries.map({ $0 >= 0 }) ?? true, policy.timeoutMilliseconds > 0,
      policy.firstBackoffMilliseconds >= 0, policy.longestBackoffMilliseconds >= policy.firstBackoffMilliseconds,
      policy.statuses.allSatisfy({ $0.lowest <= $0.highest }),
      policy.limit.map({ $0.count > 0 && $0.periodMilliseconds > 0 }) ?? true,
      action.concurrency.map({ $0.count > 0 }) ?? true
    else { throw ProgramError("the policy of `\(action.name)` makes no sense") }
    for expression in action.expressions where !expression.tree.usedSlots.allSatisfy({ 0..<limit ~= $0 }) {
      throw ProgramError("the binding of `\(action.name)` reads a slot that is not there")
    }
    guard action.rateKey == nil || policy.limit != nil else {
      throw ProgramError("the limit of `\(action.name)` makes no sense")
    }
    for key in [action.concurrency?.key, action.rateKey].compactMap({ $0?.tree }) {
      guard key.type == .string, key.usedSlots.allSatisfy({ action.parameters.fields.indices ~= $0 }) else {
        throw ProgramError("the limit of `\(action.name)` makes no sense")
      }
    }
  }

  private func validate(_ event: Event) throws(ProgramError) {
    try validateBounds(of: event.payload.fields.map { ($0.name, $0.type, $0.maximum) }, in: event.name)
    for member in event.computed {
      guard member.value.tree.usedSlots.allSatisfy({ $0 == FrameLayout.event }),
        event.payload.field(member.name) == nil
      else { throw ProgramError("the computed member `\(member.name)` of `\(event.name)` makes no sense") }
    }
    if let queue = event.queue {
      guard BrokerQueue.isName(queue.name), event.webhook == nil, !event.isInternal else {
        throw ProgramError("the queue of `\(event.name)` makes no sense")
      }
    }
    guard let webhook = event.webhook else { return }
    guard webhook.secret.tree.usedSlots.allSatisfy({ webhook.environment.indices ~= $0 }),
      webhook.secret.tree.type == .string, webhook.algorithm == "sha256", !webhook.header.isEmpty
    else { throw ProgramError("the webhook of `\(event.name)` makes no sense") }
  }
}

extension Action {
  /// All expressions of the binding, and the signing secret.
  public var expressions: [SourcedExpression] { bindingExpressions + [signature].compactMap { $0 } }

  private var bindingExpressions: [SourcedExpression] {
    switch binding {
    case .http(_, let url, let headers, let body): [url] + [headers, body].compactMap { $0 }
    case .worker: []
    case .log(let message): [message]
    case .other(_, let settings): settings.map(\.value)
    }
  }
}

/// The checks of one flow.
struct FlowValidation {
  let program: Program
  let flow: Flow

  func run() throws(ProgramError) {
    try require(flow.frameSize >= FrameLayout.firstField && flow.frameSize <= Program.maximumFrame, "frame size")
    try require(
      flow.keptCount >= flow.fields.count && flow.keptCount <= flow.frameSize
        && FrameLayout.firstField + flow.keptCount <= flow.frameSize, "kept slots")
    try require(flow.key.map { flow.fields.indices.contains($0) && flow.fields[$0].type == .string } ?? true, "key")
    if case .milliseconds(let lifetime)? = flow.keyLifetime { try require(lifetime > 0, "lifetime of the key") }
    try require(flow.keyLifetime == nil || flow.key != nil, "lifetime of the key")
    try states()
    try stateFields()
    try transitions()
    for index in flow.calls.indices { try call(index) }
    try promises()
    for rule in flow.readRules {
      try require(rule.roles.allSatisfy(program.roles.indices.contains), "role of a read rule")
      try require(!rule.roles.isEmpty || rule.condition != nil, "read rule")
      try condition(rule.condition)
    }
    for expression in flow.expressions + flow.readRules.compactMap(\.condition) {
      try require(expression.tree.usedSlots.allSatisfy { 0..<flow.frameSize ~= $0 }, "slot of an expression")
    }
  }

  func require(_ holds: Bool, _ what: String) throws(ProgramError) {
    guard holds else { throw ProgramError("the flow `\(flow.name)` has a wrong \(what)") }
  }

  /// States are in document order: each after its parent, followed immediately by its descendants.
  private func states() throws(ProgramError) {
    try require(
      !flow.states.isEmpty && flow.states[0].kind == .root && flow.states[.root].end == flow.states.endIndex, "root")
    for (index, state) in flow.states.indexed {
      let parent = state.parent
      try require(
        index == .root ? parent == .root && state.depth == 0 : parent >= .root && parent < index, "parent of a state")
      try require(state.end > index && state.end <= flow.states.endIndex, "end of a state")
      if index > .root {
        try require(
          state.depth == flow.states[parent].depth + 1 && state.end <= flow.states[parent].end
            && flow.states[parent].children.contains(index), "place of a state")
      }
      try require(
        state.children == state.children.sorted() && Set(state.children).count == state.children.count, "children")
      for child in state.children {
        try require(
          flow.states.indices.contains(child) && flow.states[child].parent == index && child != .root, "child")
      }
      try require(state.initial.map(state.children.contains) ?? true, "initial state")
      try require(state.calls.allSatisfy { flow.calls.indices.contains($0) && flow.calls[$0].state == index }, "call")
      try require(
        state.transitions.allSatisfy { flow.transitions.indices.contains($0) && flow.transitions[$0].source == index },
        "transition of a state")
      try require((state.ignored + state.deferred).allSatisfy(program.events.indices.contains), "event")
      try statements(state.entry + state.exit)
    }
  }

  private func transitions() throws(ProgramError) {
    for transition in flow.transitions {
      try require(flow.states.indices.contains(transition.source), "source")
      try require(transition.target.map(isTarget) ?? true, "target")
      try require(transition.roles.allSatisfy(program.roles.indices.contains), "role")
      try require(transition.senders.allSatisfy(program.flows.indices.contains), "sender")
      switch transition.trigger {
      case .event(let event): try require(program.events.indices.contains(event), "event of a transition")
      case .callDone(let call), .callFailed(let call):
        try require(flow.calls.indices.contains(call), "call of a transition")
      case .itemDone(let call): try items(of: call, isDone: true)
      case .itemFailed(let call): try items(of: call, isDone: false)
      case .after(let delay), .every(let delay): try require(delay.tree.type == .duration, "delay")
      case .at(let instant): try require(instant.tree.type == .timestamp, "instant")
      case .cron(let cron): try schedule(cron)
      case .any, .always, .done, .failed, .rollbackDone, .rollbackFailed, .error: break
      }
      try arguments(transition.arguments, of: transition.isHistory ? nil : transition.target)
      try condition(transition.guardExpression)
      try statements(transition.statements)
    }
    for start in flow.starts {
      switch start.trigger {
      case .event(let event, _): try require(program.events.indices.contains(event), "event of a start")
      case .every(let delay): try require(delay.tree.type == .duration, "delay")
      case .cron(let cron):
        try schedule(cron)
        try require(cron.spec == nil, "schedule of a start")
      case .called: try require(flow.isCallable, "start")
      }
      let hasPolicies = start.overlap != .allow || start.catchUp != .one
      try require(start.isScheduled || !hasPolicies, "policy of a start")
      try require(isTarget(start.target), "target of a start")
      try require(start.roles.allSatisfy(program.roles.indices.contains), "role")
      try require(start.senders.allSatisfy(program.flows.indices.contains), "sender")
      try arguments(start.arguments, of: start.target)
      try condition(start.guardExpression)
      try statements(start.statements)
    }
    for invariant in flow.invariants { try condition(invariant) }
  }

  private func schedule(_ cron: Cron) throws(ProgramError) {
    if let spec = cron.spec {
      try require(spec.tree.type == .string && cron.schedule.isEmpty, "schedule")
    } else {
      try require(CronSchedule(cron.schedule) != nil, "schedule")
    }
    try require(cron.zone.map { $0.tree.type == .string } ?? true, "time zone")
  }

  func isTarget(_ state: StateIndex) -> Bool { flow.states.indices.contains(state) && state != .root }

  func condition(_ expression: SourcedExpression?) throws(ProgramError) {
    guard let expression else { return }
    try require(expression.tree.type == .bool || expression.tree.type == .dyn, "guard")
  }

  private func statements(_ statements: [ActionStatement]) throws(ProgramError) {
    for act in statements {
      try condition(act.condition)
      if let loop = act.loop {
        try require(flow.keptSlots.upperBound..<flow.frameSize ~= loop.slot, "slot of a loop")
      }
      switch act.kind {
      case .assign(let slot, let part, _):
        let fields = FrameLayout.firstField..<(FrameLayout.firstField + flow.fields.count)
        try require(fields ~= slot, "slot of an assignment")
        try require(part.dropLast().allSatisfy { !$0.isEntry }, "entry within an assignment")
      case .perform(let action, let arguments):
        try require(program.actions.indices.contains(action), "action")
        try require(arguments.count == program.actions[action].parameters.fields.count, "arguments")
      case .emit(let event, let value, let flow):
        try require(program.events.indices.contains(event), "event")
        try require(flow.map(program.flows.indices.contains) ?? true, "receiver")
        try require(value.tree.type == .record(program.events[event].name), "payload")
      case .raise(let event, let value):
        try require(program.events.indices.contains(event), "event")
        try require(value.tree.type == .record(program.events[event].name), "payload")
      case .log: break
      }
    }
  }
}
