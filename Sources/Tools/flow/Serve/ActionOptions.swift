import FlowActions
import FlowBrokers
import FlowIR
import Glibc

/// The options and variables of `flow serve` for actions.
enum ActionOptions {
  private static let allowPrivate = Option.flag(
    "allow-private", help: "allow actions to call this machine and private networks")
  private static let allowHost = Option.list(
    "allow-host", "HOST", help: "allow actions to call this host on any network")
  private static let allowExec = Option.text(
    "allow-exec", "DIR", help: "allow `exec` actions to run the programs in this folder", completion: .folders)
  private static let smtpURL = Option.text(
    "smtp-url", "URL", help: "mail server, as smtp://HOST:PORT or smtps://HOST:PORT", default: "FLOW_SMTP_URL")
  private static let mailFrom = Option.text(
    "mail-from", "ADDRESS", help: "sender of mail", default: "FLOW_MAIL_FROM")
  private static let mailSink = Option.text(
    "mail-sink", "DIR", help: "development: write mail to files in this folder instead of sending it",
    completion: .folders)

  static let all: [any CommandOption] = [allowPrivate, allowHost, allowExec, smtpURL, mailFrom, mailSink]

  /// The variables with the address of a broker or database, by the kind of action.
  static let servers = ["publish": "FLOW_AMQP_URL", "redis": "FLOW_REDIS_URL", "sql": "FLOW_SQL_URL"]
  private static let kinds: [Binding.Kind] = [.publish, .redis, .sql]

  /// The settings of actions, from the options and the environment.
  /// - Throws: `UsageError` for an invalid value.
  static func settings(_ arguments: CommandArguments) throws(UsageError) -> ActionSettings {
    var settings = ActionSettings()
    settings.reach = NetworkPolicy(allowsPrivate: arguments[allowPrivate], hosts: Set(arguments[allowHost]))
    settings.mail = try mailServer(given: arguments[smtpURL])
    settings.sender = arguments[mailFrom] ?? Terminal.variable("FLOW_MAIL_FROM")
    if let folder = arguments[mailSink] {
      guard isFolder(folder) else {
        throw UsageError("`\(folder)` is not a folder", help: "create the folder for the mail")
      }
      settings.mailFolder = folder
    }
    if let folder = arguments[allowExec] {
      guard isFolder(folder) else {
        throw UsageError("`\(folder)` is not a folder", help: "name the folder of the allowed programs")
      }
      settings.programs = folder
    }
    for kind in kinds {
      guard let variable = servers[kind.rawValue], let url = Terminal.variable(variable), !url.isEmpty,
        let form = settings.setServer(url, of: kind)
      else { continue }
      // The value may contain a password.
      throw UsageError("\(variable) is not the URL of a server", help: "write it as `\(form)`")
    }
    settings.environment = ["PATH": Terminal.variable("PATH") ?? "/usr/bin:/bin"]
    settings.environment["HOME"] = Terminal.variable("HOME")
    return settings
  }

  /// The binding of actions whose server a broker is.
  static func binding(of broker: BrokerQueue.Broker) -> String {
    switch broker {
    case .amqp: "publish"
    case .redis: "redis"
    }
  }

  /// The brokers of queues: those of the actions.
  static func queues(_ settings: ActionSettings) -> QueueReaders.Settings {
    var urls: [BrokerQueue.Broker: String] = [:]
    for broker in BrokerQueue.Broker.allCases { urls[broker] = settings.servers[binding(of: broker)] }
    return QueueReaders.Settings(urls: urls, group: Terminal.variable("FLOW_REDIS_GROUP") ?? "flow")
  }

  private static func mailServer(given: String?) throws(UsageError) -> MailServer? {
    guard let url = given ?? Terminal.variable("FLOW_SMTP_URL") else { return nil }
    var server = MailServer(
      url: url, user: Terminal.variable("FLOW_SMTP_USER"), password: Terminal.variable("FLOW_SMTP_PASSWORD"))
    server?.authorities = Terminal.variable("FLOW_SMTP_CA")
    guard let server else {
      throw UsageError(
        "the address of the mail server must be a URL", help: "write smtp://HOST:PORT or smtps://HOST:PORT")
    }
    // The options of a process are visible to all users of the machine.
    guard given == nil || !url.contains("@") else {
      throw UsageError(
        "`--smtp-url` must not contain a password", help: "set FLOW_SMTP_USER and FLOW_SMTP_PASSWORD")
    }
    return server
  }
}
