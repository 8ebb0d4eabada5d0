import CEL
public import FlowIR

/// `read by ROLES when CONDITION`, prepared for evaluation.
struct LoadedReadRule: Sendable {
  /// Names of roles; empty for any caller.
  let roles: [String]
  let condition: OptionalIndex<ExpressionIndex>
}

extension Machine {
  /// True when callers need more than access to the flow to read its instances.
  public func hasReadRules(flow: FlowIndex) -> Bool { !flows[flow].readRules.isEmpty }
}

extension Stepper {
  /// True when a caller may read an instance: when its flow has no read rules, or one of them holds.
  ///
  /// A condition that fails, for example because it reads a field without a value, does not hold.
  /// - Parameter now: Milliseconds since 1970: the instant of the request, for conditions that use `now`.
  public func mayRead(_ instance: Instance, caller: Caller, now: Int64) -> Bool {
    let flow = machine.flows[instance.flow]
    guard !flow.readRules.isEmpty else { return true }
    var isBound = false
    for rule in flow.readRules {
      guard rule.roles.isEmpty || rule.roles.contains(where: caller.roles.contains) else { continue }
      guard let condition = rule.condition.wrapped else { return true }
      if !isBound {
        bind(instance, caller: caller, now: now)
        isBound = true
      }
      if (try? evaluator.isTrue(flow.programs, condition.position, frame: frame)) == true { return true }
    }
    return false
  }

  private func bind(_ instance: Instance, caller: Caller, now: Int64) {
    evaluator.reset()
    frame.clear()
    frame.load(instance.data, at: FrameLayout.firstField)
    frame[FrameLayout.now] = .timestamp(Timestamp(milliseconds: now))
    bindSelf(instance)
    interpreter.bind(caller)
  }
}
