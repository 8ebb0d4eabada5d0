public import CEL
public import FlowIR
public import FlowJSON

/// A job's action with its expressions evaluated, as plain data for a runner.
public enum BoundAction: Hashable, Sendable {
  case http(method: String, url: String, headers: [Header], body: JSON?)
  case worker(queue: String, arguments: JSON)
  case log(String)
  /// A binding that only some builds support, with its settings by name.
  case other(kind: Binding.Kind, settings: JSON)

  public struct Header: Hashable, Sendable {
    public var name: String
    public var value: String
  }
}

/// An action for its runner, with its signing secret and the secrets to redact.
public struct BoundJob: Hashable, Sendable {
  public var action: BoundAction
  public var signingSecret: String?
  public var secrets: [Secret]
}

/// The reason why an action cannot be executed.
public struct BindingError: Error, Hashable, Sendable {
  public var message: String

  public init(_ message: String) { self.message = message }
}

extension Stepper {
  /// Evaluates the binding of an action over a job's arguments.
  /// - Parameter environment: The variables of the process.
  /// - Throws: `BindingError` for a variable that is not set, or an expression that fails.
  public func bind(
    action index: Int, arguments: Value, environment: (String) -> String?
  ) throws(BindingError) -> BoundJob {
    let action = machine.program.actions[index]
    if case .worker(let queue) = action.binding {
      let work = BoundAction.worker(queue: queue, arguments: arguments.json(in: machine.types))
      return BoundJob(action: work, signingSecret: nil, secrets: [])
    }
    evaluator.reset()
    let secrets = try secrets(of: action, environment)
    let frame = try frame(of: action, arguments, secrets)
    do throws(BindingError) {
      let bound = try bind(action.binding, frame: frame, arguments: arguments)
      let secret = try action.signature.map { source throws(BindingError) in try text(source, frame) }
      return BoundJob(action: bound, signingSecret: secret, secrets: secrets)
    } catch {
      // The error of an expression contains the values of its parts.
      throw BindingError(secrets.hide(in: error.message))
    }
  }

  /// The value of an expression after `per` in a limit of the action.
  /// - Throws: `BindingError` for an expression that fails.
  public func limitKey(_ key: SourcedExpression, of action: Action, arguments: Value) throws(BindingError) -> String {
    evaluator.reset()
    return try text(key, try frame(of: action, arguments, []))
  }

  private func secrets(of action: Action, _ environment: (String) -> String?) throws(BindingError) -> [Secret] {
    var secrets: [Secret] = []
    for name in action.environment {
      guard let value = environment(name) else {
        throw BindingError("the environment variable `\(name)` is not set")
      }
      secrets.append(Secret(name: name, value: value))
    }
    return secrets
  }

  private func frame(of action: Action, _ arguments: Value, _ secrets: [Secret]) throws(BindingError) -> Frame {
    let frame = Frame(count: action.parameters.fields.count + secrets.count)
    guard case .record(let record) = arguments else { throw BindingError("the arguments are no record") }
    for (slot, field) in action.parameters.fields.enumerated() {
      if let value = record[field.name] { frame[slot] = evaluator.slot(value, as: field.type) }
    }
    for (index, secret) in secrets.enumerated() {
      frame[action.parameters.fields.count + index] = evaluator.slot(.string(secret.value), as: .string)
    }
    return frame
  }

  private func bind(
    _ binding: Binding, frame: Frame, arguments: Value
  ) throws(BindingError) -> BoundAction {
    switch binding {
    case .worker(let queue): return .worker(queue: queue, arguments: .null)
    case .log(let message): return .log(try text(message, frame))
    case .other(let kind, let settings):
      guard !binding.isPastedTogether else {
        throw BindingError("the statement of `sql` is not one text; values belong into `args`")
      }
      var members: [JSON.Member] = []
      for setting in settings {
        members.append(.init(setting.name, try value(setting.value, frame).json(in: machine.types)))
      }
      // Without a content setting, the arguments of the action are sent.
      if let name = Stepper.content[kind], !members.contains(where: { $0.name == name }) {
        members.append(.init(name, arguments.json(in: machine.types)))
      }
      return .other(kind: kind, settings: .object(members))
    case .http(let method, let url, let headers, let body):
      var pairs: [BoundAction.Header] = []
      if let headers, case .map(let map) = try value(headers, frame) {
        for entry in map.entries {
          guard case .string(let name) = entry.key, case .string(let text) = entry.value else { continue }
          pairs.append(.init(name: name, value: text))
        }
      }
      let json = try body.map { source throws(BindingError) in try value(source, frame).json(in: machine.types) }
      return .http(method: method, url: try text(url, frame), headers: pairs, body: json)
    }
  }

  /// The setting that defines the content to send.
  private static let content: [Binding.Kind: String] = [.exec: "input", .publish: "body"]

  private func text(_ source: SourcedExpression, _ frame: Frame) throws(BindingError) -> String {
    guard case .string(let text) = try value(source, frame) else {
      throw BindingError("`\(source.text)` is not a string")
    }
    return text
  }

  private func value(_ source: SourcedExpression, _ frame: Frame) throws(BindingError) -> Value {
    let code: ExpressionProgram
    do throws(LoadError) {
      code = try ExpressionProgram(source.tree, types: machine.types)
    } catch {
      throw BindingError("`\(source.text)`: \(error.message)")
    }
    do throws(EvaluationError) {
      return evaluator.value(try evaluator.evaluate(code, frame: frame), as: source.tree.type)
    } catch {
      throw BindingError("`\(source.text)`: \(error.message)")
    }
  }
}
