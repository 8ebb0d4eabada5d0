import CEL
import FlowChecker
import FlowIR
import FlowSource
import FlowSyntax

/// Converts a checked program to the IR: indices instead of names, and the text of each expression next to its tree.
func lower(_ checked: CheckedProgram) -> Program {
  let lowering = Lowering(sources: checked.sources)
  var program = Program()
  program.types = checked.types
  program.enums = checked.enums
  program.roles = checked.roles
  program.events = IndexedList(checked.events.map(lowering.event))
  program.actions = checked.actions.map(lowering.action)
  program.flows = IndexedList(checked.flows.map { lowering.flow($0, actions: program.actions) })
  return program
}

struct Lowering {
  let sources: SourceSet

  func expression(_ checked: CheckedExpression) -> SourcedExpression {
    SourcedExpression(text: sources.string(checked.range), base: checked.range.lower, tree: checked.tree)
  }

  func location(_ range: SourceRange) -> SourceLocation {
    guard let file = sources.file(at: range.lower) else { return SourceLocation(file: "", line: 0) }
    return SourceLocation(file: file.name, line: file.position(of: range.lower).line)
  }

  func event(_ checked: CheckedEvent) -> Event {
    let webhook = checked.webhook.map {
      Webhook(
        secret: expression($0.secret), environment: $0.environment, header: $0.header, algorithm: $0.algorithm)
    }
    return Event(
      name: checked.payload.name, payload: checked.payload,
      computed: checked.computed.map {
        ComputedMember(name: $0.name, value: expression($0.value), location: location($0.value.range))
      }, isInternal: checked.isInternal, webhook: webhook, queue: checked.queue)
  }

  // MARK: - Actions

  func action(_ checked: CheckedAction) -> Action {
    let node = checked.node
    return Action(
      name: node.name.text, parameters: checked.parameters, result: checked.result,
      failures: node.failures.map(\.text), binding: binding(checked.binding),
      policy: policy(node.policies, over: Policy()), environment: checked.environment,
      signature: checked.signature.map(expression), concurrency: concurrency(checked),
      rateKey: checked.rateKey.map(expression), resultMaximum: checked.resultMaximum)
  }

  private func concurrency(_ checked: CheckedAction) -> ConcurrencyLimit? {
    for policy in checked.node.policies {
      guard case .concurrency(let count, _) = policy.kind else { continue }
      return ConcurrencyLimit(count: max(count, 1), key: checked.concurrencyKey.map(expression))
    }
    return nil
  }

  private func binding(_ checked: CheckedAction.Binding) -> Binding {
    switch checked {
    case .worker(let queue): .worker(queue: queue)
    case .log(let message): .log(expression(message))
    case .http(let method, let url, let headers, let body):
      .http(method: method, url: expression(url), headers: headers.map(expression), body: body.map(expression))
    case .other(let kind, let settings):
      .other(
        kind: Binding.Kind(rawValue: kind) ?? .exec,
        settings: settings.map { Binding.Setting(name: $0.name, value: expression($0.value)) })
    }
  }

  /// The policies of a call override those of its action.
  func policy(_ nodes: [PolicyNode], over inherited: Policy) -> Policy {
    var policy = inherited
    for node in nodes {
      switch node.kind {
      case .timeout(let duration): policy.timeoutMilliseconds = max(duration.milliseconds, 1)
      case .limit(let count, let period, _):
        policy.limit = RateLimit(count: max(count, 1), periodMilliseconds: max(period.milliseconds, 1))
      case .signed, .concurrency: break
      case .status(let number, let isWhole, let code):
        policy.statuses.append(StatusRule(lowest: number, highest: isWhole ? number : number + 99, code: code.text))
      case .retry(let count, let only, let backoff):
        policy.retries = count
        policy.retryOnly = only.map(\.text)
        if let backoff {
          policy.firstBackoffMilliseconds = backoff.first.milliseconds
          policy.longestBackoffMilliseconds = max(backoff.longest?.milliseconds ?? 0, backoff.first.milliseconds)
        }
      }
    }
    return policy
  }
}
