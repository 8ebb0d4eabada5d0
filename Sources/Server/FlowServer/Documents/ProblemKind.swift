/// The meaning of a problem's code. The same entry is sent, documented, and listed in the description of the API.
struct ProblemKind: Sendable {
  let status: Int
  let code: String
  /// A noun phrase, the same for every problem with the code.
  let title: String
  /// The cause, and the remedy.
  let text: String

  private init(_ status: Int, _ code: String, title: String, text: String) {
    self.status = status
    self.code = code
    self.title = title
    self.text = text
  }

  /// The kind with a code; nil for an unknown code.
  static func named(_ code: String) -> ProblemKind? { all.first { $0.code == code } }
}

// Malformed requests.
extension ProblemKind {
  static let badRequest = ProblemKind(
    400, "bad-request", title: "Bad request",
    text: "The path, a parameter, a header or the body is malformed; `detail` says which. Nothing has happened.")
  static let invalidJSON = ProblemKind(
    400, "invalid-json", title: "Invalid JSON",
    text: "The body is not a JSON document; `detail` names the byte. Nothing has happened.")
  static let invalidQuery = ProblemKind(
    400, "invalid-query", title: "Invalid expression",
    text: "A condition (`q`, `filter`) is not a CEL expression of type bool; `diagnostics` lists the errors.")
  static let cursorMismatch = ProblemKind(
    400, "cursor-mismatch", title: "Cursor of another list",
    text: "A cursor continues the list that returned it, with the same filter. Start the new list without a cursor.")
  static let requestTimeout = ProblemKind(
    408, "request-timeout", title: "Request Timeout",
    text: "The request took too long to arrive. Nothing has happened.")
  static let headTooLarge = ProblemKind(
    431, "request-header-fields-too-large", title: "Request Header Fields Too Large",
    text: "The head of the request has more bytes or more fields than the server accepts.")
  static let payloadTooLarge = ProblemKind(
    413, "payload-too-large", title: "Content Too Large",
    text: "The body, or the number of its items, exceeds the limit.")
  static let unsupportedMediaType = ProblemKind(
    415, "unsupported-media-type", title: "Unsupported media type",
    text: "`Content-Type` must name one of the media types that `detail` lists; `Content-Encoding` must be absent.")
  static let upgradeRequired = ProblemKind(
    426, "upgrade-required", title: "Upgrade required",
    text: "The live stream is a WebSocket (subprotocol flow.v1), or `Accept: text/event-stream`.")

  private static let unreadable = [
    badRequest, invalidJSON, invalidQuery, cursorMismatch, requestTimeout, payloadTooLarge, unsupportedMediaType,
    upgradeRequired, headTooLarge,
  ]
}

// Insufficient permissions.
extension ProblemKind {
  static let unauthenticated = ProblemKind(
    401, "unauthenticated", title: "Authentication required",
    text: "The request needs a valid key; send `Authorization: Bearer …`.")
  static let webhookUnverified = ProblemKind(
    401, "webhook-unverified", title: "Signature not verified",
    text: "The delivery is not signed with the shared secret, or it is too old. Nothing has happened.")
  static let forbidden = ProblemKind(
    403, "forbidden", title: "Forbidden",
    text: "The caller lacks the scope, the flow or the role that is needed. `explanation` names the roles.")
  static let internalEvent = ProblemKind(
    403, "internal-event", title: "Internal event",
    text: "The event is declared `internal`: only flows emit or raise it. Nothing has happened.")
  static let originNotAllowed = ProblemKind(
    403, "origin-not-allowed", title: "Cross-origin request",
    text: "The request was made by a page of another site (`Origin`, `Sec-Fetch-Site`); `--origin` allows a site.")
  static let readOnly = ProblemKind(
    403, "read-only", title: "Read-only mode",
    text: "The server was started with `--read-only` and rejects all changes; running instances continue.")
  static let hostNotAllowed = ProblemKind(
    421, "host-not-allowed", title: "Misdirected request",
    text: "The `Host` header names another server; `--host` adds a name.")

  private static let unauthorized = [
    unauthenticated, webhookUnverified, forbidden, internalEvent, originNotAllowed, readOnly, hostNotAllowed,
  ]
}

// Missing resources.
extension ProblemKind {
  static let notFound = ProblemKind(
    404, "not-found", title: "Not found", text: "There is no such resource, flow or instance.")
  static let unknownEvent = ProblemKind(
    404, "unknown-event", title: "Unknown event",
    text: "No flow declares this event; `events` lists the declared ones, `detail` names the nearest.")
  static let methodNotAllowed = ProblemKind(
    405, "method-not-allowed", title: "Method not allowed", text: "`Allow` lists the methods of the resource.")
  static let notAcceptable = ProblemKind(
    406, "not-acceptable", title: "Not acceptable",
    text: "The resource has none of the media types that `Accept` names.")
  static let gone = ProblemKind(
    410, "gone", title: "Gone",
    text: "The instance ended and was archived; `endedAt` says when it ended, and `keyTakenUntil` until when its key "
      + "is taken (an instant, or `forever`) if its flow declares a lifetime of the key.")
  static let flowRetired = ProblemKind(
    410, "flow-retired", title: "Flow retired",
    text: "The flow starts no new instances since it was deleted; running ones continue. Deploy it to serve it again.")
  static let notAvailable = ProblemKind(
    501, "not-available", title: "Not available",
    text: "The server lacks a program that this representation needs; `detail` names it.")

  private static let absent = [
    notFound, unknownEvent, methodNotAllowed, notAcceptable, gone, flowRetired, notAvailable,
  ]
}

// Conflicts with the state of an instance or the store.
extension ProblemKind {
  static let eventNotAccepted = ProblemKind(
    409, "event-not-accepted", title: "Event not accepted",
    text: """
      No reaction accepts the event in the present state. `reason` is a stable code, `allowedEvents` lists the events \
      that would be accepted, and `explanation` holds each candidate reaction with the value of every part of its \
      guard. Nothing has happened. `…/transitions` returns the same tree without sending the event.
      """)
  static let alreadyFinished = ProblemKind(
    409, "already-finished", title: "Instance finished", text: "The instance has ended and accepts no more events.")
  static let instanceExists = ProblemKind(
    409, "instance-exists", title: "Instance exists", text: "There is an instance with this key.")
  static let suspended = ProblemKind(
    409, "suspended", title: "Instance suspended",
    text: "An operator has suspended the instance; it accepts events again when it is resumed.")
  static let notPossible = ProblemKind(
    409, "not-possible", title: "Operation not possible",
    text: "The operation does not apply to the instance as it is; `detail` says why.")
  static let leaseLost = ProblemKind(
    409, "lease-lost", title: "Lease lost",
    text: "The job has ended, or its lease has expired and another worker may hold it. Discard the work.")
  static let revisionMismatch = ProblemKind(
    412, "revision-mismatch", title: "Precondition failed",
    text: "The resource is not at the revision that `If-Match` names; `revision` is the present one. Read it again.")
  static let validationFailed = ProblemKind(
    422, "validation-failed", title: "Invalid payload",
    text: "The data of the event does not match its type; `violations` lists every mismatch as a JSON Pointer.")
  static let keyMismatch = ProblemKind(
    422, "key-mismatch", title: "Key mismatch",
    text: "The instance key in the path or in `subject` differs from the key field of the payload.")
  static let idempotencyReused = ProblemKind(
    422, "idempotency-reused", title: "Idempotency key reused",
    text: "The key was sent with another request before. Use a new key for a new request.")
  static let compileFailed = ProblemKind(
    422, "compile-failed", title: "Compilation failed",
    text: "The source has errors; `diagnostics` lists each with its location.")

  private static let unacceptable = [
    eventNotAccepted, alreadyFinished, instanceExists, suspended, notPossible, leaseLost, revisionMismatch,
    validationFailed, keyMismatch, idempotencyReused, compileFailed,
  ]
}

// Temporary failures of the server.
extension ProblemKind {
  static let overloaded = ProblemKind(
    429, "overloaded", title: "Too many requests", text: "The server's request queue is full. Wait for `Retry-After`.")
  static let rateLimited = ProblemKind(
    429, "rate-limited", title: "Rate limit exceeded",
    text: "The caller exceeds its request rate. Wait for `Retry-After`.")
  static let notRedacted = ProblemKind(
    500, "not-redacted", title: "Redaction failed",
    text: "The response could not be read for redaction, so it is withheld.")
  static let storeUnavailable = ProblemKind(
    503, "store-unavailable", title: "Store unavailable",
    text: "The store could not be read or written. Nothing has happened; try again after `Retry-After`.")
  static let draining = ProblemKind(
    503, "draining", title: "Shutting down", text: "The server is shutting down. Nothing has happened; try again.")

  static let standby = ProblemKind(
    503, "standby", title: "No owner",
    text: "No node owns the store at present, or its owner, named in `owner`, does not respond. Nothing has happened; "
      + "try again after `Retry-After`.")
  static let ownerLost = ProblemKind(
    502, "owner-lost", title: "Outcome unknown",
    text: "The node that owns the store ended before its response. The operation may have been executed; check before "
      + "repeating it.")
  static let notOwner = ProblemKind(
    421, "not-owner", title: "Not the owner",
    text: "A node has forwarded a request to a node that does not own the store; `owner` is the owner's address.")

  private static let unavailable = [
    overloaded, rateLimited, notRedacted, storeUnavailable, draining, standby, ownerLost, notOwner,
  ]

  /// Every kind, by status.
  static let all = (unreadable + unauthorized + absent + unacceptable + unavailable).sorted {
    ($0.status, $0.code) < ($1.status, $1.code)
  }
}
