/// A variable of the environment that the tool reads, for the manual and the reference.
struct EnvironmentVariable: Sendable {
  var name: String
  var help: String
  /// Hides the value in `flow config show`.
  var isSecret = false

  static let all: [EnvironmentVariable] = [
    .init(name: "FLOW_SERVER", help: "address of the server for `flow ctl`"),
    .init(name: "FLOW_TOKEN", help: "API key for `flow ctl`", isSecret: true),
    .init(name: "FLOW_SMTP_URL", help: "mail server for `email` actions"),
    .init(name: "FLOW_SMTP_USER", help: "user of the mail server"),
    .init(name: "FLOW_SMTP_PASSWORD", help: "password of the mail server", isSecret: true),
    .init(name: "FLOW_SMTP_CA", help: "file with the certificate authorities of the mail server"),
    .init(name: "FLOW_MAIL_FROM", help: "sender of mail"),
    .init(name: "FLOW_AMQP_URL", help: "AMQP broker for `publish` actions and events `from amqp`", isSecret: true),
    .init(name: "FLOW_REDIS_URL", help: "Redis server for `redis` actions and events `from redis`", isSecret: true),
    .init(name: "FLOW_REDIS_GROUP", help: "group of consumers for events `from redis`; `flow` without it"),
    .init(name: "FLOW_SQL_URL", help: "PostgreSQL server for `sql` actions", isSecret: true),
    .init(name: "NO_COLOR", help: "disable colors when not empty"),
    .init(name: "FORCE_COLOR", help: "enable colors when not empty, unless NO_COLOR is set"),
    .init(name: "CLICOLOR_FORCE", help: "the same as FORCE_COLOR"),
    .init(name: "GITHUB_ACTIONS", help: "when `true`, reports use the format github"),
    .init(name: "GITHUB_STEP_SUMMARY", help: "file for the summary of the format github"),
    .init(name: "XDG_CONFIG_HOME", help: "folder of the start-up file of the REPL"),
    .init(name: "XDG_STATE_HOME", help: "folder of the history of the REPL"),
  ]
}
