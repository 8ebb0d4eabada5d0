import CEL
import FlowSource
import FlowSyntax

/// F602, F605, F606: durations are positive, and retries have a limit and a delay.
func checkPolicies(of action: CheckedAction, into problems: inout [Diagnostic]) {
  checkDurations(action.node.policies, into: &problems)
  checkRetries(action.node.policies, hasTimeout: false, into: &problems)
  guard let binding = action.node.binding, !canBeRepeated(binding.kind) else { return }
  for policy in action.node.policies { checkRepetition(policy, action, into: &problems) }
}

/// The same, F703 and F716, for the policies of a call.
func checkCallPolicies(of flow: CheckedFlow, _ context: LintContext, into problems: inout [Diagnostic]) {
  for call in flow.calls {
    checkPriority(of: call, context, into: &problems)
    checkDurations(call.node.policies, into: &problems)
    checkRetries(call.node.policies, hasTimeout: false, into: &problems)
    guard case .action(let index) = call.target, let binding = context.actions[index].node.binding,
      !canBeRepeated(binding.kind)
    else { continue }
    for policy in call.node.policies { checkRepetition(policy, context.actions[index], into: &problems) }
  }
}

/// F716: a job that never waits for others needs no priority.
private func checkPriority(of call: CheckedCall, _ context: LintContext, into problems: inout [Diagnostic]) {
  guard let priority = call.node.priority else { return }
  let help: String
  switch call.target {
  case .flow:
    help = "remove it; the calls of actions in `\(call.node.action.text)` may have priorities"
  case .action(let index):
    let action = context.actions[index]
    if case .worker = action.binding { return }
    let hasLimit = action.node.policies.contains { policy in
      switch policy.kind {
      case .limit, .concurrency: true
      default: false
      }
    }
    guard !hasLimit else { return }
    help = "remove it, or add a limit to the action, such as `limit 4 at once` or `limit 10 per 1s`"
  }
  problems.append(
    Diagnostic(
      "F716", .warning, "the priority of this call has no effect", at: priority.range,
      label: "`\(call.node.action.text)` never waits for other calls", help: help))
}

private func checkDurations(_ policies: [PolicyNode], into problems: inout [Diagnostic]) {
  for policy in policies {
    let found: (name: String, duration: DurationNode, help: String)
    switch policy.kind {
    case .limit(let count, let period, _):
      found = ("the period of a limit", period, "write `limit \(count) per 1s`, or remove the limit")
    case .timeout(let length): found = ("a timeout", length, "write `timeout 30s`, or remove it")
    case .retry, .concurrency, .signed, .status: continue
    }
    guard found.duration.milliseconds <= 0 else { continue }
    problems.append(
      Diagnostic(
        "F602", "\(found.name) must be longer than zero", at: found.duration.range, label: "not positive",
        help: found.help))
  }
}

private func checkRetries(_ policies: [PolicyNode], hasTimeout: Bool, into problems: inout [Diagnostic]) {
  for policy in policies {
    guard case .retry(let count, _, let backoff) = policy.kind else { continue }
    if count == nil {
      problems.append(
        Diagnostic(
          "F605", .warning, "this is retried indefinitely", at: policy.range, label: "no limit",
          help: "set a limit such as `retry 20`; after that the job is moved to the dead letters"))
    }
    if count ?? .max > 1, let backoff, backoff.longest == nil {
      problems.append(
        Diagnostic(
          "F606", .info, "the delay between retries never grows", at: policy.range, label: "constant delay",
          help: "add the longest delay: `backoff 1s..5m`"))
    }
  }
}

/// Returns whether a receiver can recognise a repeated attempt: HTTP requests and messages carry an idempotency key.
private func canBeRepeated(_ binding: BindingNode.Kind) -> Bool {
  switch binding {
  case .email, .exec, .redis: false
  case .http, .publish, .sql, .worker, .log: true
  }
}

/// F703: a retried request may be executed twice if nothing identifies it as a repetition.
private func checkRepetition(_ policy: PolicyNode, _ action: CheckedAction, into problems: inout [Diagnostic]) {
  guard case .retry(let count, let only, _) = policy.kind, count != 0, only.isEmpty else { return }
  problems.append(
    Diagnostic(
      "F703", .info, "`\(action.node.name.text)` may run twice when it is retried", at: policy.range,
      label: "carries no idempotency key",
      help: "use `only` to name the failures after which the operation certainly did not run"))
}

/// F517: a start with `again` uses the key of an ended instance at any time.
func checkKeyLifetime(of flow: CheckedFlow, into problems: inout [Diagnostic]) {
  guard let lifetime = flow.node.keyLifetime, !flow.starts.isEmpty else { return }
  let isNeverAsked = flow.starts.allSatisfy { start in
    if case .event(_, isAgain: true) = start.trigger { true } else { false }
  }
  guard isNeverAsked else { return }
  problems.append(
    Diagnostic(
      "F517", .warning, "the lifetime of the key has no effect", at: lifetime.range,
      label: "every start uses the key again",
      labels: flow.starts.prefix(1).map { .init($0.range, "starts at any time after the end") },
      help: "remove `again` from the starts that have to wait until the key is free, or remove the lifetime"))
}
