import FlowJSON

/// The documents of the API as JSON Schema, by the names with which routes refer to them.
enum Schemas {
  static func reference(_ name: String) -> JSON { ["$ref": .string("#/components/schemas/\(name)")] }

  static let string: JSON = ["type": "string"]
  static let integer: JSON = ["type": "integer"]
  static let boolean: JSON = ["type": "boolean"]
  static let time: JSON = ["type": "string", "format": "date-time"]
  /// The policies of a scheduled start.
  static let overlap: JSON = ["type": "string", "enum": ["allow", "skip", "queue", "replace"]]
  static let catchUp: JSON = ["type": "string", "enum": ["none", "one", "all"]]
  static let strings: JSON = ["type": "array", "items": ["type": "string"]]
  static let any: JSON = .object([])
  static let anyObject: JSON = ["type": "object"]
  /// The fields of the active states, by the paths of the states.
  static let stateData: JSON = ["type": "object", "additionalProperties": anyObject]
  static let status: JSON = [
    "type": "string", "enum": ["running", "done", "failed", "cancelled", "suspended"],
  ]

  /// `true` or `false` in a query.
  static let flag: JSON = ["type": "string", "enum": ["true", "false"]]

  static func list(_ item: JSON) -> JSON { ["type": "array", "items": item] }
  static func nullable(_ schema: JSON) -> JSON { ["anyOf": .array([schema, ["type": "null"]])] }

  /// An object; members with a name that ends with `?` are optional.
  static func object(_ properties: KeyValuePairs<String, JSON>) -> JSON {
    let names = properties.map { $0.key.hasSuffix("?") ? String($0.key.dropLast()) : $0.key }
    let required = properties.filter { !$0.key.hasSuffix("?") }.map { JSON.string($0.key) }
    return [
      "type": "object", "properties": .object(zip(names, properties).map { .init($0, $1.value) }),
      "required": .array(required),
    ]
  }

  /// A page of a list.
  static func page(_ item: String) -> JSON {
    object(["items": list(reference(item)), "page": next, "asOf": string])
  }

  /// A page of a history, with its initial snapshot if earlier entries were archived.
  static let history = object([
    "items": list(reference("Entry")), "page": next, "asOf": string,
    "archivedTo?": object(["offset": integer, "revision": integer, "at": string]),
  ])

  private static let next = object([
    "next": nullable(["type": .array(["string", "integer"])]), "limit": integer, "total?": nullable(integer),
  ])

  /// The schemas that do not depend on the served flows.
  static let all: [(name: String, schema: JSON)] = [
    (
      "Problem",
      object([
        "type": string, "title": string, "status": integer, "detail": string, "code?": string,
        "retryable?": boolean, "requestId?": string, "instance?": string,
        "violations?": list(object(["pointer": string, "message": string])), "allowedEvents?": strings,
        "explanation?": list(anyObject), "diagnostics?": list(any),
      ])
    ),
    (
      "EventAnswer",
      object([
        "disposition": ["type": "string", "enum": ["applied", "ignored", "deferred"]], "flow": string,
        "key": nullable(string), "revision": integer, "offset?": integer, "from": strings, "to": strings,
        "status": string, "created": boolean, "dryRun?": boolean, "transitions?": strings, "changes?": anyObject,
        "effects?": list(anyObject), "quiet?": boolean, "reached?": boolean,
        "instance?": nullable(reference("Instance")),
        "receivers?": list(
          object([
            "flow": string, "key?": string,
            "disposition": ["type": "string", "enum": ["applied", "ignored", "deferred", "refused"]], "code?": string,
            "offset?": integer,
          ])),
      ])
    ),
    (
      "BatchAnswer",
      object([
        "items": list(
          object([
            "status": integer, "answer?": reference("EventAnswer"), "problem?": reference("Problem"),
            "replayed?": boolean,
          ])), "taken": integer, "refused": integer,
      ])
    ),
    (
      "InstanceSummary",
      object([
        "flow": string, "key": string, "version": nullable(integer), "status": status, "state": strings,
        "revision": integer, "startedAt": time, "updatedAt": time, "incident?": string, "data?": any,
        "stateData?": stateData,
      ])
    ),
    (
      "Instance",
      object([
        "flow": string, "key": string, "version": nullable(integer), "status": status, "state": strings,
        "revision": integer, "startedAt": time, "updatedAt": time, "incident?": string, "why": string,
        "definition": string, "data": any, "stateData": stateData, "timers": list(object(["at": string, "due": time])),
        "pendingCalls": list(
          object([
            "job": integer, "call?": string, "action": string, "attempt": integer, "queue?": string, "due?": time,
            "priority?": integer, "leaseEnds?": time, "worker?": string, "continues?": integer,
            "lastFailure?": anyObject,
          ])),
        "calls": list(
          object([
            "name": string, "state": string,
            "status": [
              "type": "string", "enum": ["waiting", "running", "retrying", "done", "skipped", "failed"],
            ], "action?": string, "attempt?": integer, "nextAt?": time, "lastFailure?": anyObject,
            "items?": object(["count": integer, "started": integer, "finished?": integer]),
          ])), "deferred": list(object(["event": string, "data": any])), "allowedEvents": strings, "asOf?": string,
      ])
    ),
    ("Entry", object(["offset": integer, "revision": integer, "type": string, "at": time, "data": any])),
    (
      "Transitions",
      object([
        "flow": string, "key": string, "status": status, "revision": integer, "state": strings,
        "items": list(
          object([
            "event": string,
            "would": ["type": "string", "enum": ["be-applied", "be-ignored", "be-deferred", "be-refused", "depend"]],
            "reason?": string, "detail?": string, "to?": strings, "explanation": list(anyObject),
          ])), "deferred": list(object(["event": string, "data": any])), "deferredLimit": integer,
      ])
    ),
    (
      "Job",
      object([
        "id": integer, "action": string, "arguments": any, "attempt": integer, "fence": integer, "leaseEnds": time,
        "idempotencyKey": string, "flow": string, "key": string, "priority?": integer, "continues?": integer,
      ])
    ),
    (
      "FlowSummary",
      object([
        "name": string, "version": integer, "definition": string, "origin": string, "deployedAt": time,
        "retired": boolean, "states": strings, "startsOn": strings,
      ])
    ),
    (
      "Flow",
      object([
        "name": string, "version": integer, "definition": string, "origin": string, "deployedAt": time,
        "retired": boolean, "key": nullable(string), "roles": strings,
        "states": list(
          object(["path": string, "kind": string, "initial": boolean, "calls": strings, "on": strings])),
        "events": list(
          object([
            "name": string, "starts": boolean, "schema": any, "webhook": nullable(anyObject),
            "queue": nullable(anyObject),
          ])), "data": any,
        "stateData": any,
        "starts": list(
          object([
            "label": string, "to": string, "at": string, "guard": nullable(string), "event": nullable(string),
            "roles": strings, "every?": string, "cron?": string, "tz?": string, "overlap?": overlap,
            "catchup?": catchUp,
            "nextAt?": time, "called?": boolean,
          ])),
        "transitions": list(
          object([
            "from": string, "to": nullable(string), "label": string, "guard": nullable(string), "at": string,
            "event": nullable(string), "roles": strings, "after?": string, "every?": string, "instant?": string,
            "cron?": string, "tz?": string, "call?": string,
          ])),
        "calls": list(
          object([
            "name": string, "state": string, "target": string, "isStep": boolean, "after": strings,
            "when": nullable(string),
          ])),
      ])
    ),
    (
      "Version",
      object([
        "version": nullable(integer), "definition": string, "origin": string, "deployedAt": time, "retired": boolean,
      ])
    ),
    (
      "Source",
      object(["definition": string, "files": list(object(["name": string, "text": string]))])
    ),
    (
      "OperatorAnswer",
      object([
        "flow": string, "key": string, "status": status, "revision": integer, "offset": integer, "state": strings,
        "detail": string,
      ])
    ),
    (
      "PendingJob",
      object([
        "id": integer, "flow": string, "key": string, "action": string, "attempt": integer,
        "status": ["type": "string", "enum": ["due", "waiting", "retrying", "claimed", "held"]], "queue?": string,
        "priority?": integer, "due?": time, "leaseEnds?": time, "lastFailure?": anyObject,
      ])
    ),
    (
      "Schedule",
      object([
        "flow": string, "start": integer, "definition": string, "label": string, "nextAt": time,
        "overlap": overlap, "catchup": catchUp, "isRunning": boolean, "running?": string,
        "waitingSince?": time, "lastRunAt?": time, "skipped": integer, "lastSkippedAt?": time,
      ])
    ),
    ("QueuedRun", object(["flow": string, "key?": string, "start": integer, "queued": boolean, "detail": string])),
    (
      "Caller",
      object([
        "name": string, "scopes": strings, "roles": strings, "flows": nullable(strings),
        "authentication": ["type": "string", "enum": ["none", "key"]], "readOnly": boolean, "version": string,
        "nodes": boolean, "expires?": time,
      ])
    ),
    (
      "DeadLetter",
      object([
        "id": integer, "flow?": string, "key?": string, "action?": string, "arguments": any, "attempts?": integer,
        "at": time, "code": string, "message": string, "failures?": list(any), "queue?": string, "event?": string,
        "messageId?": nullable(string),
      ])
    ),
    (
      "Batch",
      object([
        "id": string, "op": string, "dryRun": boolean,
        "status": ["type": "string", "enum": ["running", "done", "failed"]],
        "detail?": string,
        "done": integer, "refused": integer,
        "errors": list(object(["instance": string, "problem": reference("Problem")])),
      ])
    ),
    (
      "Statistics",
      object([
        "items": list(
          object([
            "flow": string, "version": nullable(integer), "definition": string, "status": status, "state": strings,
            "count": integer, "oldest": time, "oldestSeconds": integer,
          ])), "timers?": integer, "jobs?": integer, "deadLetters?": integer, "incidents?": integer,
        "storeBytes?": integer, "freeBytes?": integer, "asOf": string,
        "rates?": object([
          "since": time,
          "items": list(
            object([
              "flow": string, "started": list(integer), "finished": list(integer), "failed": list(integer),
            ])),
        ]),
      ])
    ),
    (
      "Simulation",
      object([
        "flow": string, "status": nullable(string), "state": strings, "data": any, "stateData": stateData, "now": time,
        "outstanding": list(object(["action": string, "arguments": any, "isAwaited": boolean])),
        "steps": list(object(["cause": string, "at": time, "disposition": string])),
      ])
    ),
    (
      "Deployment",
      object([
        "name": string, "version": integer, "definition": string, "flows": strings, "dryRun": boolean,
        "isNew": boolean, "isSame": boolean, "diagnostics": list(anyObject), "changes": nullable(anyObject),
        "live": list(object(["definition": string, "state": strings, "count": integer, "isKept": boolean])),
        "migration": object([
          "looked": integer, "possible": integer,
          "reasons": list(object(["detail": string, "count": integer, "example?": string])),
        ]),
      ])
    ),
    (
      "Keys",
      object([
        "authentication": ["type": "string", "enum": ["none", "key"]],
        "items": list(
          object([
            "name": string, "scopes": strings, "roles": strings, "flows": nullable(strings), "rate?": integer,
            "expires?": time, "expired": boolean,
          ])), "issuers": strings,
      ])
    ),
    (
      "Node",
      object([
        "id": string, "address": string, "role": ["type": "string", "enum": ["owner", "standby", "draining"]],
        "version": string, "formats": list(integer), "seenAt": time, "alive": boolean, "ownerSince?": time,
        "calls?": integer,
      ])
    ),
    (
      "AuditRecord",
      object([
        "at": time, "who": string, "method": string, "path": string, "route": string, "status": integer,
        "scope": string, "address": string, "requestId": string, "workflow?": string, "suppressed?": integer,
      ])
    ),
    ("ProblemKind", object(["code": string, "status": integer, "title": string, "text": string])),
  ]
}
