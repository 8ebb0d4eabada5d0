import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

/// The live stream and the emitted events as AsyncAPI 3.0.
struct AsyncAPI {
  let catalogue: Catalogue
  var publications: [PublicationChannel] = []

  static let kinds = [
    ("step", "An instance has completed a step"), ("emit", "An instance has emitted an event"),
    ("log", "An instance has written a log line"), ("incident", "An instance failed to process a timer or a result"),
    ("refused", "A deferred event was refused or dropped"),
    ("undelivered", "A receiver has refused an emitted event"), ("dead", "The attempts of a job are exhausted"),
    ("attempt", "An attempt of a job has ended"),
    ("operator", "An operator has executed a command for an instance"), ("schedule", "A scheduled start was due"),
  ]

  var json: JSON {
    [
      "asyncapi": "3.0.0", "info": ["title": "Flow", "version": "1"], "defaultContentType": "application/json",
      "channels": .object([.init("live", live)] + queueChannels + publicationChannels),
      "operations": .object(liveOperations + queueOperations + publicationOperations),
      "components": ["messages": .object(components), "schemas": .object(schemas)],
    ]
  }

  private var live: JSON {
    [
      "address": "/v1/live", "description": "Committed entries in order, as a WebSocket or server-sent events.",
      "messages": .object(messages.map { .init($0, ["$ref": .string("#/components/messages/\($0)")]) }),
    ]
  }

  private var liveOperations: [JSON.Member] {
    [
      .init(
        "receive",
        [
          "action": "receive", "channel": ["$ref": "#/channels/live"],
          "messages": .array(pushed.map { ["$ref": .string("#/channels/live/messages/\($0)")] }),
        ]),
      .init(
        "request",
        [
          "action": "send", "channel": ["$ref": "#/channels/live"],
          "messages": .array(asked.map { ["$ref": .string("#/channels/live/messages/\($0.name)")] }),
          "reply": [
            "channel": ["$ref": "#/channels/live"],
            "messages": .array(replies.map { ["$ref": .string("#/channels/live/messages/\($0.name)")] }),
          ],
        ]),
    ]
  }

  private var emitted: [String] {
    var names: [String] = []
    for machine in catalogue.machines {
      for flow in machine.program.flows {
        let statements =
          flow.transitions.flatMap(\.statements) + flow.starts.flatMap(\.statements)
          + flow.states.flatMap { $0.entry + $0.exit }
        for act in statements {
          guard case .emit(let event, _, to: _) = act.kind else { continue }
          let name = machine.program.events[event].name
          if !names.contains(name) { names.append(name) }
        }
      }
    }
    return names
  }

  /// Changes of the served flows, which have no position.
  private static let changes = [
    (FlowChange.Kind.deployed, "A flow has been deployed"), (.retired, "A flow has been retired"),
  ]

  private var pushed: [String] {
    AsyncAPI.kinds.map { "flow.\($0.0).v1" } + AsyncAPI.changes.map { "flow.\($0.0.rawValue).v1" }
      + emitted.map { "emitted.\($0)" }
  }
  private var messages: [String] { pushed + asked.map(\.name) + replies.map(\.name) }

  private var asked: [(name: String, schema: JSON)] {
    let id = Schemas.integer
    let location: JSON = [
      "oneOf": .array([id, Schemas.string, Schemas.object(["epoch?": Schemas.string, "offset": id])])
    ]
    return [
      ("hello", Schemas.object(["id": id, "op": ["const": "hello"]])),
      (
        "sub",
        Schemas.object([
          "id": id, "op": ["const": "sub"], "since?": location, "flow?": Schemas.string, "key?": Schemas.string,
          "event?": Schemas.string, "type?": Schemas.string, "filter?": Schemas.string,
        ])
      ),
      ("unsub", Schemas.object(["id": id, "op": ["const": "unsub"], "sub?": id])),
      ("send", ["oneOf": .array(catalogue.publicEvents.map(sending))]),
      ("ping", Schemas.object(["id": id, "op": ["const": "ping"]])),
    ]
  }

  private func sending(_ event: String) -> JSON {
    Schemas.object([
      "id": Schemas.integer, "op": ["const": "send"], "event": ["const": .string(event)],
      "data?": Schemas.reference("Event.\(event)"), "flow?": Schemas.string, "key?": Schemas.string,
      "ifRevision?": Schemas.integer, "idempotencyKey?": ["type": "string", "minLength": 1, "maxLength": 255],
    ])
  }

  /// The replies, with the `id` of the message as `re`.
  private var replies: [(name: String, schema: JSON)] {
    let id = Schemas.integer
    let refusal = Schemas.object([
      "code": Schemas.string, "status": id, "detail": Schemas.string, "retryAfter?": id,
      "violations?": Schemas.list(Schemas.object(["pointer": Schemas.string, "message": Schemas.string])),
      "allowedEvents?": Schemas.strings, "explanation?": Schemas.list(Schemas.anyObject),
    ])
    return [
      ("done", Schemas.object(["re": id, "ok": Schemas.anyObject])),
      ("sent", Schemas.object(["re": id, "ok": Schemas.reference("EventAnswer")])),
      ("refused", Schemas.object(["re": id, "err": refusal])),
      ("pong", Schemas.object(["re": id, "op": ["const": "pong"]])),
      ("bye", Schemas.object(["op": ["const": "bye"], "reason": Schemas.string, "reconnectIn?": Schemas.list(id)])),
    ]
  }

  private var components: [JSON.Member] {
    AsyncAPI.kinds.map { kind, summary in
      .init("flow.\(kind).v1", ["summary": .string(summary), "payload": entry(kind, Schemas.anyObject)])
    }
      + AsyncAPI.changes.map { kind, summary in
        .init("flow.\(kind.rawValue).v1", ["summary": .string(summary), "payload": AsyncAPI.change(kind)])
      }
      + emitted.map { name in
        let data = Schemas.object(["type": ["const": .string(name)], "data": Schemas.reference("Event.\(name)")])
        return .init(
          "emitted.\(name)", ["summary": .string("An instance has emitted `\(name)`"), "payload": entry("emit", data)])
      } + (asked + replies).map { .init($0.name, ["payload": $0.schema]) } + queueMessages + publishedMessages
  }

  private static func change(_ kind: FlowChange.Kind) -> JSON {
    Schemas.object([
      "sub": Schemas.integer,
      "ev": Schemas.object([
        "specversion": ["const": "1.0"], "id": Schemas.string, "type": ["const": .string("flow.\(kind.rawValue).v1")],
        "source": Schemas.string, "subject": Schemas.string, "time": Schemas.time,
        "data": Schemas.object([
          "flow": Schemas.string, "definition?": Schemas.string, "version?": Schemas.integer, "by?": Schemas.string,
        ]),
      ]),
    ])
  }

  private func entry(_ kind: String, _ data: JSON) -> JSON {
    Schemas.object(["sub": Schemas.integer, "offset": Schemas.integer, "ev": AsyncAPI.cloudEvent(kind, data)])
  }

  /// An entry of the journal as a CloudEvent.
  static func cloudEvent(_ kind: String, _ data: JSON) -> JSON {
    Schemas.object([
      "specversion": ["const": "1.0"], "id": Schemas.string, "type": ["const": .string("flow.\(kind).v1")],
      "source": Schemas.string, "subject": Schemas.string, "time": Schemas.time, "revision": Schemas.integer,
      "data": data,
    ])
  }

  private var schemas: [JSON.Member] {
    let shared = Schemas.all.filter { ["EventAnswer", "Instance"].contains($0.name) }
    var members = shared.map { JSON.Member($0.name, $0.schema) }
    for machine in catalogue.machines {
      for more in OpenAPI.declarations(of: machine) where !members.contains(where: { $0.name == more.name }) {
        members.append(more)
      }
    }
    return members
  }
}
