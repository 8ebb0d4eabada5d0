/// A setting of `flow.toml`, for the manual, the reference and `flow config show`.
struct ConfigurationSetting: Sendable {
  var name: String
  /// The form of the value, such as `["CODE", …]`.
  var form: String
  var help: String
  var defaultText: String

  var description: String { "\(help) (default: \(defaultText))" }

  static let all: [ConfigurationSetting] = [
    .init(
      name: "lint.preset", form: #""core" | "recommended" | "strict""#, help: "set of enabled rules",
      defaultText: "recommended"),
    .init(name: "lint.select", form: #"["CODE", …]"#, help: "also enable these rules", defaultText: "none"),
    .init(name: "lint.ignore", form: #"["CODE", …]"#, help: "disable these rules", defaultText: "none"),
    .init(
      name: "lint.baseline", form: #""FILE""#, help: "suppress the findings that the file lists", defaultText: "none"),
    .init(
      name: "lint.severity.CODE", form: #""error" | "warning" | "info""#, help: "severity of a rule",
      defaultText: "that of the rule"),
    .init(
      name: "lint.per-path.\"PATTERN\".ignore", form: #"["CODE", …]"#,
      help: "disable rules for the files that match a pattern", defaultText: "none"),
    .init(
      name: "serve.OPTION", form: #""TEXT" | NUMBER | true | ["TEXT", …]"#,
      help: "an option of `flow serve` by its long name; relative paths start at the folder of the file",
      defaultText: "that of the option"),
    .init(
      name: "serve.redact.FLOW", form: #"["FIELD", …]"#, help: "fields that the server never shows",
      defaultText: "none"),
    .init(
      name: "serve.publish.NAME.amqp", form: #""EXCHANGE""#,
      help: "publish the live stream to this exchange of FLOW_AMQP_URL", defaultText: "none"),
    .init(
      name: "serve.publish.NAME.redis", form: #""STREAM""#,
      help: "publish the live stream to this stream of FLOW_REDIS_URL", defaultText: "none"),
    .init(
      name: "serve.publish.NAME.routing-key", form: #""KEY""#, help: "routing key of all messages",
      defaultText: "FLOW.TYPE.EVENT"),
    .init(
      name: "serve.publish.NAME.FILTER", form: #""TEXT""#,
      help: "`flow`, `key`, `event`, `type` or `filter`, as in `/v1/live`", defaultText: "all entries"),
  ]

  static let example = """
    [lint]
    preset = "strict"
    ignore = ["F601"]

    [lint.per-path."tests/**"]
    ignore = ["F5"]

    [serve]
    addr = "0.0.0.0:8443"
    keys = "keys.toml"
    rate = 100

    [serve.redact]
    Order = ["email"]

    [serve.publish.payments]
    amqp = "payments"
    flow = "Order"
    event = "Paid"
    """
}
