import CEL
import FlowSource
import FlowSyntax

extension Declarations {
  /// Checks an action: its types, and the expressions of its binding over the parameters.
  func check(_ node: ActionNode, into problems: inout [Diagnostic]) -> CheckedAction {
    let parameters = record(
      "flow.Arguments(\(node.name.text))", fields: node.parameters, environment: environment, problems: &problems)
    let result = node.result.map { resolveBounded($0, into: &problems) }
    var scope = BindingScope(environment: environment)
    for field in parameters.fields { scope.declare(field.name, field.type) }
    let parameterScope = scope.environment
    func key(_ find: (PolicyNode.Kind) -> Expression?) -> CheckedExpression? {
      guard let key = node.policies.compactMap({ find($0.kind) }).first else { return nil }
      return limitKey(key, over: parameterScope, into: &problems)
    }
    let concurrencyKey = key { if case .concurrency(_, let key) = $0 { key } else { nil } }
    let rateKey = key { if case .limit(_, _, let key) = $0 { key } else { nil } }
    let binding = binding(node, &scope, into: &problems)
    let signature = signature(node, &scope, into: &problems)
    checkCodes(node, into: &problems)
    checkPolicies(node, into: &problems)
    return CheckedAction(
      node: node, parameters: parameters, result: result?.type, binding: binding, environment: scope.variables,
      signature: signature, concurrencyKey: concurrencyKey, rateKey: rateKey,
      resultMaximum: result?.maximum)
  }

  /// `limit 4 at once per tenant`, `limit 10 per 1s per tenant`: each value of the expression has a limit of its own.
  private func limitKey(
    _ key: Expression, over parameters: Environment, into problems: inout [Diagnostic]
  ) -> CheckedExpression? {
    let checked = parameters.check(key, expecting: .string)
    problems += self.problems(of: key, checked.diagnostics, in: parameters)
    return checked.expression.map { CheckedExpression(tree: $0, range: key.range) }
  }

  private func binding(
    _ node: ActionNode, _ scope: inout BindingScope, into problems: inout [Diagnostic]
  ) -> CheckedAction.Binding {
    switch node.binding?.kind {
    // Without a binding, external workers claim the work from a queue with the action's name.
    case nil: return .worker(queue: node.name.text)
    case .worker(let queue): return .worker(queue: queue)
    case .log(let message):
      guard let checked = scope.check(message, expecting: .string, into: &problems) else {
        return .worker(queue: node.name.text)
      }
      return .log(checked)
    case .http(let method, let url):
      return http(node, method: method, url: url, scope: &scope, into: &problems)
    case .email: return other("email", heads: [], of: node, scope: &scope, into: &problems)
    case .publish(let exchange, let key):
      return other("publish", heads: [("exchange", exchange), ("key", key)], of: node, scope: &scope, into: &problems)
    case .redis(let command):
      return other("redis", heads: [("command", command)], of: node, scope: &scope, into: &problems)
    case .sql(let statement):
      return other("sql", heads: [("statement", statement)], of: node, scope: &scope, into: &problems)
    case .exec(let program):
      return other("exec", heads: [("program", program)], of: node, scope: &scope, into: &problems)
    }
  }

  static let methods: Set<String> = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]

  private func http(
    _ node: ActionNode, method: NameNode, url: Expression, scope: inout BindingScope,
    into problems: inout [Diagnostic]
  ) -> CheckedAction.Binding {
    if !method.isMissing, !Declarations.methods.contains(method.text) {
      problems.append(
        unknown("HTTP method", named: method.text, code: "F107", at: method.range, candidates: Declarations.methods))
    }
    let settings = node.binding?.settings ?? []
    checkSettings(settings, known: ["headers", "body"], into: &problems)
    let headers = settings.first { $0.name.text == "headers" }
    let body = settings.first { $0.name.text == "body" }
    let checkedHeaders = headers.flatMap { scope.check($0.value, expecting: .map(.string, .string), into: &problems) }
    let checkedBody = body.flatMap { scope.check($0.value, expecting: nil, into: &problems) }
    guard let checkedURL = scope.check(url, expecting: .string, into: &problems) else {
      return .worker(queue: node.name.text)
    }
    return .http(method: method.text, url: checkedURL, headers: checkedHeaders, body: checkedBody)
  }

  /// F103: an action has each policy once. F101: a limit admits something.
  private func checkPolicies(_ node: ActionNode, into problems: inout [Diagnostic]) {
    var seen: [String: SourceRange] = [:]
    for policy in node.policies {
      switch policy.kind {
      case .limit(..<1, _, _), .concurrency(..<1, _):
        problems.append(
          Diagnostic("F101", "a limit admits at least one attempt", at: policy.range, label: "nothing could ever start")
        )
      default: break
      }
      guard let name = policy.kind.uniqueName else { continue }
      guard let first = seen.updateValue(policy.range, forKey: name) else { continue }
      problems.append(
        Diagnostic(
          "F103", "an action has one `\(name)`", at: policy.range, label: "a second one",
          labels: [.init(first, "the first one")]))
    }
  }

  /// F705: retried or mapped codes are declared by the action.
  private func checkCodes(_ node: ActionNode, into problems: inout [Diagnostic]) {
    let declared = node.failures.map(\.text)
    for policy in node.policies {
      let named: [NameNode] =
        switch policy.kind {
        case .retry(_, let only, _): only
        case .status(_, _, let code): [code]
        case .timeout, .limit, .concurrency, .signed: []
        }
      for code in named where !code.isMissing && !declared.contains(code.text) {
        var problem = unknown(
          "code", named: code.text, code: "F705", at: code.range, candidates: declared,
          location: " among the failures of `\(node.name.text)`")
        if FlowChecker.isBuiltIn(code.text) {
          problem.help = "declare it: `fails \((declared + [code.text]).joined(separator: ", "))`"
        }
        problems.append(problem)
      }
    }
  }
}

/// The environment of a binding: the parameters, then each variable that `env("NAME")` names.
struct BindingScope {
  var environment: Environment
  private(set) var variables: [String] = []
  private var count = 0

  init(environment: Environment) { self.environment = environment }

  mutating func declare(_ name: String, _ type: ValueType) {
    _ = environment.declare(variable: name, type: type, slot: count)
    count += 1
  }

  mutating func check(
    _ expression: Expression, expecting type: ValueType?, into problems: inout [Diagnostic]
  ) -> CheckedExpression? {
    let rewritten = replaceEnvironment(in: expression)
    let checked = environment.check(rewritten, expecting: type)
    problems += checked.diagnostics + interpolations(in: expression, environment)
    return checked.expression.map { CheckedExpression(tree: $0, range: expression.range) }
  }

  /// `env("NAME")` reads a variable of the process; here it becomes a slot, so that evaluating stays pure.
  private mutating func replaceEnvironment(in expression: Expression) -> Expression {
    if case .call(let call) = expression.kind, call.function.name == "env", call.target == nil,
      call.arguments.count == 1, case .literal(.string(let name)) = call.arguments[0].kind
    {
      let variable = "env(\(name))"
      if !variables.contains(name) {
        variables.append(name)
        declare(variable, .string)
      }
      return expression.replacing(with: .identifier(variable, isRooted: false))
    }
    return expression.mapChildren { replaceEnvironment(in: $0) }
  }
}
