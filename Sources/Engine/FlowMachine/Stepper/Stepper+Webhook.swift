import CEL
public import FlowIR

extension Stepper {
  /// Evaluates the secret with which the deliveries of a webhook are signed.
  /// - Parameter environment: The variables of the process.
  /// - Throws: `BindingError` for a variable that is not set, an expression that fails, or an empty secret.
  public func secret(
    of webhook: Webhook, environment: (String) -> String?
  ) throws(BindingError) -> String {
    evaluator.reset()
    let frame = Frame(count: webhook.environment.count)
    for (index, name) in webhook.environment.enumerated() {
      guard let value = environment(name) else {
        throw BindingError("the environment variable `\(name)` is not set")
      }
      frame[index] = evaluator.slot(.string(value), as: .string)
    }
    guard case .string(let secret)? = evaluate(webhook.secret, frame) else {
      // The error of the expression could contain the secret.
      throw BindingError("`\(webhook.secret.text)` can't be evaluated")
    }
    guard !secret.isEmpty else { throw BindingError("`\(webhook.secret.text)` is empty") }
    return secret
  }

  private func evaluate(_ source: SourcedExpression, _ frame: Frame) -> Value? {
    guard let code = try? ExpressionProgram(source.tree, types: machine.types),
      let slot = try? evaluator.evaluate(code, frame: frame)
    else { return nil }
    return evaluator.value(slot, as: source.tree.type)
  }
}
