import FlowActions
import FlowIR
import FlowMachine

/// The settings that a program requires of the server: mail, brokers, programs, secrets.
///
/// They are checked before a program is served, as a missing one would otherwise fail a running instance.
enum ProgramRequirements {
  /// All requirements of programs that the server does not meet, as one error; nil when all are met.
  static func unmet(by programs: [Program], settings: ActionSettings) -> UsageError? {
    let missing = programs.flatMap { program in
      program.actions.flatMap { unmet(of: $0, settings: settings) } + unmetVariables(of: program)
        + unmetSecrets(of: program) + unmetQueues(of: program, settings: settings)
    }
    guard missing.count > 1 else { return missing.first }
    return UsageError(
      "\(missing.count) settings are missing:" + missing.map { "\n  \($0.text)" }.joined())
  }

  /// The variables of the environment that actions use and that are not set.
  private static func unmetVariables(of program: Program) -> [UsageError] {
    var users: [String: [String]] = [:]
    for action in program.actions {
      for name in action.environment where Terminal.variable(name) == nil {
        users[name, default: []].append(action.name)
      }
    }
    return users.sorted { $0.key < $1.key }.map { name, actions in
      UsageError(
        "the environment variable `\(name)` is not set, which \(actions.map { "`\($0)`" }.joined(separator: ", ")) "
          + (actions.count == 1 ? "uses" : "use"), help: "set it in the environment of the server")
    }
  }

  /// The secrets of webhooks that are not set.
  private static func unmetSecrets(of program: Program) -> [UsageError] {
    guard let machine = try? Machine(program) else { return [] }
    return program.events.compactMap { event in
      guard let webhook = event.webhook else { return nil }
      do throws(BindingError) {
        _ = try Stepper(machine).secret(of: webhook, environment: Terminal.variable)
        return nil
      } catch {
        return UsageError(
          "the webhook `\(event.name)`: \(error.message)", help: "set it in the environment of the server")
      }
    }
  }

  /// The queues whose broker is not configured.
  private static func unmetQueues(of program: Program, settings: ActionSettings) -> [UsageError] {
    program.events.compactMap { event in
      guard let queue = event.queue else { return nil }
      let binding = ActionOptions.binding(of: queue.broker)
      guard settings.servers[binding] == nil, let variable = ActionOptions.servers[binding] else { return nil }
      return UsageError(
        "the event `\(event.name)`: no broker is configured for `\(queue.broker.rawValue)`",
        help: "set \(variable)")
    }
  }

  private static func unmet(of action: Action, settings: ActionSettings) -> [UsageError] {
    guard case .other(let kind, let given) = action.binding else { return unmetSignature(of: action) }
    guard !action.binding.isPastedTogether else {
      return [
        UsageError(
          "`\(action.name)`: the statement of `sql` is built from values, which allows SQL injection",
          help: "write one constant text with `$1`, `$2`, and pass the values as `args`")
      ]
    }
    return unmet(kind, of: action, members: Set(given.map(\.name)), settings: settings) + unmetSignature(of: action)
  }

  private static func unmetSignature(of action: Action) -> [UsageError] {
    if case .http = action.binding { return [] }
    guard action.signature != nil else { return [] }
    return [
      UsageError(
        "`\(action.name)`: only `http` actions can be `signed`", help: "remove `signed`, or make it an `http` action")
    ]
  }

  private static func unmet(
    _ kind: Binding.Kind, of action: Action, members: Set<String>, settings: ActionSettings
  ) -> [UsageError] {
    switch kind {
    case .email: return unmetMail(of: action, members: members, settings: settings)
    case .exec:
      guard settings.programs == nil else { return [] }
      return [UsageError("`\(action.name)` runs a program, and none is allowed", help: "add --allow-exec DIR")]
    case .publish, .redis, .sql:
      guard let variable = ActionOptions.servers[kind.rawValue], settings.servers[kind.rawValue] == nil,
        !members.contains("url")
      else { return [] }
      return [
        UsageError("`\(action.name)`: no server is configured for `\(kind.rawValue)`", help: "set \(variable)")
      ]
    }
  }

  private static func unmetMail(
    of action: Action, members: Set<String>, settings: ActionSettings
  ) -> [UsageError] {
    guard settings.mailFolder == nil else { return [] }
    var missing: [UsageError] = []
    if settings.mail == nil, !members.contains("url") {
      missing.append(
        UsageError(
          "`\(action.name)` sends mail, and no mail server is configured",
          help: "set FLOW_SMTP_URL, add --smtp-url smtp://HOST:PORT, or write mail to files with --mail-sink DIR"))
    }
    if settings.sender == nil, !members.contains("from") {
      missing.append(
        UsageError(
          "`\(action.name)` sends mail, and no sender is configured",
          help: "set FLOW_MAIL_FROM, add --mail-from ADDRESS, or write `from:` in the action"))
    }
    return missing
  }
}
