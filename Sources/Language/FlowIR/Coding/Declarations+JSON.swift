import CEL
import FlowJSON

extension RecordDeclaration {
  /// The record as a flow declares it; what protobuf adds to records is not written.
  var irJSON: JSON {
    [
      "name": .string(name),
      "fields": .array(
        fields.map { field in
          .sparse([
            ("name", .string(field.name)), ("type", field.type.json),
            // In a list, to distinguish a default of null from no default.
            ("default", .array(field.defaultValue.map { [$0.encoding] } ?? [])),
            ("max", field.maximum.map { .number($0) } ?? .null),
          ])
        }),
    ]
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["name", "fields"])
    let fields = try reader.list("fields") { item throws(ProgramError) in
      try item.allow(["name", "type", "default", "max"])
      let type = try item.member("type")
      let values = try item.list("default") { value throws(ProgramError) in
        try value.load { () throws(LoadError) in try Value(encoding: value.json) }
      }
      return FieldDeclaration(
        try item.string("name"), try type.load { () throws(LoadError) in try ValueType(json: type.json) },
        defaultValue: values.first, maximum: try item.optional("max")?.int())
    }
    self.init(try reader.string("name"), fields)
  }
}

extension Event {
  var json: JSON {
    .sparse([
      ("payload", payload.irJSON), ("computed", .array(computed.map(\.json))), ("internal", .bool(isInternal)),
      ("webhook", webhook?.json ?? .null), ("queue", queue?.json ?? .null),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["payload", "computed", "internal", "webhook", "queue"])
    let payload = try RecordDeclaration(reader.member("payload"))
    self.init(
      name: payload.name, payload: payload,
      computed: try reader.list("computed") { item throws(ProgramError) in try ComputedMember(item) },
      isInternal: try reader.flag("internal"),
      webhook: try Webhook.optional(reader.optional("webhook")),
      queue: try BrokerQueue.optional(reader.optional("queue")))
  }
}

extension ComputedMember {
  var json: JSON { ["name": .string(name), "value": value.json, "at": location.json] }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["name", "value", "at"])
    self.init(
      name: try reader.string("name"), value: try SourcedExpression(reader.member("value")),
      location: try SourceLocation(reader.member("at")))
  }
}

extension Webhook {
  var json: JSON {
    .sparse([
      ("secret", secret.json), ("environment", .strings(environment)), ("header", .string(header)),
      ("hmac", .string(algorithm)),
    ])
  }

  static func optional(_ reader: IRReader?) throws(ProgramError) -> Webhook? {
    guard let reader else { return nil }
    try reader.allow(["secret", "environment", "header", "hmac"])
    return Webhook(
      secret: try SourcedExpression(reader.member("secret")),
      environment: try reader.list("environment") { item throws(ProgramError) in try item.string() },
      header: try reader.string("header"), algorithm: try reader.string("hmac"))
  }
}

extension BrokerQueue {
  var json: JSON { ["broker": .string(broker.rawValue), "name": .string(name)] }

  static func optional(_ reader: IRReader?) throws(ProgramError) -> BrokerQueue? {
    guard let reader else { return nil }
    try reader.allow(["broker", "name"])
    let text = try reader.string("broker")
    guard let broker = Broker(rawValue: text) else { throw ProgramError("there is no broker `\(text)`") }
    return BrokerQueue(broker: broker, name: try reader.string("name"))
  }
}

extension EnumDeclaration {
  var irJSON: JSON { ["name": .string(name), "values": .strings(values.map(\.name))] }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["name", "values"])
    let names = try reader.list("values") { item throws(ProgramError) in try item.string() }
    self.init(
      try reader.string("name"), values: names.enumerated().map { (name: $1, number: Int64($0)) })
  }
}
