import FlowActions
import FlowIR
import FlowMachine
import Glibc

/// What `flow serve` is told about actions, by options and by the environment.
enum ActionOptions {
  static let list = [
    Command.Option(
      name: "allow-private", value: nil,
      help: "let actions call this machine and private networks, not only public ones"
    ),
    Command.Option(
      name: "allow-host", value: "HOST", help: "let actions call this host wherever it is; may be given again"),
    Command.Option(
      name: "allow-exec", value: "DIR", help: "let `exec` actions run the programs in this folder, and no others"),
    Command.Option(
      name: "smtp-url", value: "URL", help: "where mail goes: smtp://HOST:PORT or smtps://HOST:PORT; else FLOW_SMTP_URL"
    ),
    Command.Option(name: "mail-from", value: "ADDRESS", help: "who mail is from; else FLOW_MAIL_FROM"),
  ]

  static func settings(_ arguments: CommandArguments) throws(UsageError) -> ActionSettings {
    var settings = ActionSettings()
    settings.reach = NetworkPolicy(
      allowsPrivate: arguments.has("allow-private"), hosts: Set(arguments.all("allow-host")))
    settings.mail = try mail(arguments)
    settings.sender = arguments.value("mail-from") ?? Terminal.variable("FLOW_MAIL_FROM")
    if let folder = arguments.value("allow-exec") {
      guard isFolder(folder) else {
        throw UsageError(
          message: "`\(folder)` is not a folder", help: "name the folder of the programs that may be run")
      }
      settings.programs = folder
    }
    for (binding, variable) in servers {
      settings.servers[binding] = Terminal.variable(variable)
    }
    settings.environment = ["PATH": Terminal.variable("PATH") ?? "/usr/bin:/bin"]
    settings.environment["HOME"] = Terminal.variable("HOME")
    return settings
  }

  /// Where each kind of broker or database is said to be.
  private static let servers = ["publish": "FLOW_AMQP_URL", "redis": "FLOW_REDIS_URL", "sql": "FLOW_SQL_URL"]

  private static func mail(_ arguments: CommandArguments) throws(UsageError) -> MailServer? {
    let given = arguments.value("smtp-url")
    guard let url = given ?? Terminal.variable("FLOW_SMTP_URL") else { return nil }
    var server = MailServer(
      url: url, user: Terminal.variable("FLOW_SMTP_USER"), password: Terminal.variable("FLOW_SMTP_PASSWORD"))
    server?.authorities = Terminal.variable("FLOW_SMTP_CA")
    guard let server else {
      throw UsageError(
        message: "the mail server is not given as a URL", help: "write smtp://HOST:PORT or smtps://HOST:PORT")
    }
    // Whoever may list the processes of a machine reads their options.
    guard given == nil || !url.contains("@") else {
      throw UsageError(
        message: "an option is no place for a password", help: "set FLOW_SMTP_USER and FLOW_SMTP_PASSWORD")
    }
    return server
  }

  // MARK: - What a program needs

  /// What a program asks for that this server, as it was started, can't do; better said now than in the middle of a
  /// run.
  static func whatIsMissing(for program: Program, _ settings: ActionSettings) -> UsageError? {
    for action in program.actions {
      if let problem = whatIsMissing(for: action, settings) { return problem }
      if case .http = action.binding { continue }
      guard action.signature != nil else { continue }
      return UsageError(
        message: "`\(action.name)`: only requests can be `signed`",
        help: "take `signed` away, or make it an `http` action")
    }
    return missingSecret(for: program)
  }

  /// The secret of a webhook that is not there; without it nothing could be verified.
  private static func missingSecret(for program: Program) -> UsageError? {
    guard let machine = try? Machine(program) else { return nil }
    for event in program.events {
      guard let webhook = event.webhook else { continue }
      do throws(BindingError) {
        _ = try Stepper(machine).secret(of: webhook, environment: Terminal.variable)
      } catch {
        return UsageError(
          message: "the webhook `\(event.name)`: \(error.message)", help: "set it in the environment of the server")
      }
    }
    return nil
  }

  private static func whatIsMissing(for action: Action, _ settings: ActionSettings) -> UsageError? {
    guard case .other(let kind, let given) = action.binding else { return nil }
    let names = Set(given.map(\.name))
    guard !action.binding.isPastedTogether else {
      return UsageError(
        message: "`\(action.name)`: the statement of `sql` is put together from values, which could become part of it",
        help: "write one text with `$1`, `$2`, and the values as `args`")
    }
    if let trait = BindingRunner.missingTrait(for: kind) {
      return UsageError(
        message: "`\(action.name)`: this build can't do `\(kind.rawValue)`",
        help: "build it with `swift build -c release --product flow --traits \(trait)`")
    }
    switch kind {
    case .email:
      if settings.mail == nil, !names.contains("url") {
        return UsageError(
          message: "`\(action.name)` sends mail, and no mail server is known",
          help: "set FLOW_SMTP_URL, or say --smtp-url smtp://HOST:PORT")
      }
      if settings.sender == nil, !names.contains("from") {
        return UsageError(
          message: "`\(action.name)` sends mail, and nothing says who it is from",
          help: "set FLOW_MAIL_FROM, say --mail-from ADDRESS, or write `from:` in the action")
      }
      return nil
    case .exec:
      return settings.programs != nil
        ? nil
        : UsageError(message: "`\(action.name)` runs a program, and none is allowed", help: "say --allow-exec DIR")
    case .publish, .redis, .sql:
      guard let variable = servers[kind.rawValue], settings.servers[kind.rawValue] == nil, !names.contains("url")
      else { return nil }
      return UsageError(
        message: "`\(action.name)`: no server is known for `\(kind.rawValue)`", help: "set \(variable)")
    }
  }
}
