/// What a problem's code means; the same text is served, documented, and listed in the description of the API.
struct ProblemKind: Sendable {
  var code: String
  var status: Int
  var title: String
  /// What happened, and what to do about it.
  var text: String

  private init(_ status: Int, _ code: String, _ title: String, _ text: String) {
    self.code = code
    self.status = status
    self.title = title
    self.text = text
  }

  static func named(_ code: String) -> ProblemKind? { all.first { $0.code == code } }

  static let all = [
    ProblemKind(
      400, "bad-request", "Bad request",
      "The address, a header or the body can't be read; `detail` says which. Nothing has happened."),
    ProblemKind(
      400, "invalid-json", "Not JSON", "The body is not a JSON document; `detail` names the byte. Nothing has happened."
    ),
    ProblemKind(
      400, "invalid-query", "Not an expression",
      "A condition (`q`, `filter`) is no CEL expression that gives true or false; `diagnostics` says why."),
    ProblemKind(
      400, "cursor-mismatch", "Cursor of another list",
      "A cursor goes on with the list that gave it, with the same filter. Begin the new list without one."),
    ProblemKind(
      401, "unauthenticated", "Who are you?", "The request needs a valid key; send `Authorization: Bearer …`."),
    ProblemKind(
      401, "webhook-unverified", "Not verified",
      "The delivery is not signed with the secret that is shared, or it is too old. Nothing has happened."),
    ProblemKind(
      403, "forbidden", "Not for this caller",
      "The reaction, or the resource, is for a role that the caller does not have. `explanation` names the roles."),
    ProblemKind(
      403, "origin-not-allowed", "Forbidden", "The page that sent the request is not of this server (`Origin`)."),
    ProblemKind(
      403, "read-only", "Nothing is taken",
      "The server was started to be looked at only (`--read-only`); what runs goes on."),
    ProblemKind(
      421, "host-not-allowed", "Misdirected", "The server does not go by the name that the request gives (`Host`)."),
    ProblemKind(
      500, "not-redacted", "Not shown", "The answer could not be read to hide what is to be hidden, so it is not given."
    ),
    ProblemKind(404, "not-found", "Not found", "There is no such resource, flow or instance."),
    ProblemKind(
      404, "unknown-event", "Unknown event",
      "No flow that is served declares this event; `events` lists those that there are, `detail` the nearest."),
    ProblemKind(405, "method-not-allowed", "Method not allowed", "The resource takes the methods that `Allow` lists."),
    ProblemKind(406, "not-acceptable", "Not acceptable", "The resource has none of the forms that `Accept` names."),
    ProblemKind(
      409, "event-not-accepted", "Event not accepted",
      """
      No reaction takes the event in the present state. `reason` says why in a word, `allowedEvents` what would be \
      taken, and `explanation` holds each reaction that was asked, with the value of every part of its guard. Nothing \
      has happened. The same tree is given beforehand by `…/transitions`.
      """),
    ProblemKind(409, "already-finished", "Already finished", "The instance has ended and takes no events any more."),
    ProblemKind(409, "instance-exists", "Already there", "There is an instance with this key."),
    ProblemKind(
      409, "suspended", "Suspended", "An operator has suspended the instance; it takes events again when it is resumed."
    ),
    ProblemKind(
      409, "not-possible", "Not possible",
      "What an operator asked for can't be done to the instance as it is; `detail` says why."),
    ProblemKind(
      409, "lease-lost", "Lease lost",
      "The job has ended, or its lease is over and somebody else may hold it. What was done has to be thrown away."),
    ProblemKind(
      410, "gone", "Gone", "The instance ended so long ago that it has been archived; `endedAt` says when it ended."),
    ProblemKind(
      412, "revision-mismatch", "Precondition failed",
      "The instance is not at the revision that `If-Match` names; `revision` is the present one. Look again, decide."
    ),
    ProblemKind(408, "request-timeout", "Request Timeout", "The request took too long to come. Nothing has happened."),
    ProblemKind(
      431, "request-header-fields-too-large", "Request Header Fields Too Large",
      "The head of the request has more bytes, or more fields, than are taken."),
    ProblemKind(413, "payload-too-large", "Too large", "The body, or the number of items in it, passes the limit."),
    ProblemKind(
      415, "unsupported-media-type", "Unsupported media type",
      "`Content-Type` has to say what the body is, and it has to be one of those that `detail` lists."),
    ProblemKind(
      422, "validation-failed", "The payload does not fit",
      "The data of the event does not fit its type; `violations` has every place, as JSON Pointers."),
    ProblemKind(
      422, "idempotency-reused", "Idempotency key used before",
      "The key came with another request before. Use a new key for a new request."),
    ProblemKind(
      422, "compile-failed", "It does not compile", "The source has mistakes; `diagnostics` has each with its place."),
    ProblemKind(
      426, "upgrade-required", "Upgrade required",
      "The live stream is a WebSocket (subprotocol flow.v1), or `Accept: text/event-stream`."),
    ProblemKind(429, "overloaded", "Too many requests", "More waits than the engine can take. Wait for `Retry-After`."),
    ProblemKind(
      429, "rate-limited", "Too many requests", "The caller asks faster than it may. Wait for `Retry-After`."),
    ProblemKind(
      501, "not-available", "Not available here", "The server lacks a tool that this form needs; `detail` names it."),
    ProblemKind(
      503, "store-unavailable", "Not available",
      "The store could not be written or read. Nothing of the request has happened; try again after `Retry-After`."),
    ProblemKind(503, "draining", "Shutting down", "The server is about to end. Nothing has happened; try again."),
  ]
}
