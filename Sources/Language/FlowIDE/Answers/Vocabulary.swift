/// The words of the language with short descriptions.
public enum Vocabulary {
  /// Keywords by their position-independent meaning.
  public static let keywords: [String: String] = [
    "import": "the declarations of another file",
    "type": "a record with typed fields",
    "enum": "a type with named values",
    "const": "a named constant",
    "fn": "a named function of expressions",
    "role": "a role of callers, for `by`",
    "event": "an event with typed fields",
    "internal": "an event that only flows emit",
    "action": "an operation outside of the engine",
    "flow": "a statechart with data; each instance is durable",
    "test": "a run on a virtual clock with expectations",
    "version": "the number of the version, for migrations",
    "key": "the data field that identifies an instance",
    "data": "the fields of an instance",
    "let": "a named expression, evaluated when it is read",
    "invariant": "a condition that holds after every step; a step that violates it is undone",
    "never": "states that are never active together",
    "migrate": "the mapping of instances of an older version",
    "start": "a way in which an instance begins",
    "on": "a reaction to events",
    "after": "a reaction after a time in the state",
    "every": "a reaction at a fixed interval",
    "at": "a reaction at an instant",
    "cron": "a reaction by a schedule",
    "overlap": "what a scheduled start does while its last instance runs: skip, queue, replace or allow",
    "catchup": "what a scheduled start does about missed runs: none, one or all",
    "always": "a reaction that is tried after every step",
    "state": "a state; events that it does not answer go to the state around it",
    "parallel": "a state whose regions are active together",
    "region": "one of the concurrent parts of a `parallel` state",
    "initial": "the child state that is entered first",
    "final": "a state that ends the flow or the state around it",
    "failed": "a state that ends the flow with a failure",
    "entry": "actions on entering the state",
    "exit": "actions on leaving the state",
    "call": "an action or a flow that runs while the state is active",
    "steps": "calls in the order of their dependencies",
    "rollback": "undoes completed steps in reverse order",
    "undo": "the action that reverses a call in a rollback",
    "once": "an idempotency key of the call",
    "priority": "calls with a higher priority go first when several wait",
    "returns": "the result of the flow",
    "ongoing": "not meant to end",
    "ignore": "events that are accepted without effect",
    "defer": "events that are kept until a state answers them",
    "by": "the roles and flows whose events are accepted",
    "when": "a guard: the condition of a reaction or an action",
    "do": "the actions of a reaction",
    "reenter": "leaves and enters the state again",
    "emit": "publishes an event to other flows and subscribers",
    "take": "assigns members of the event to data fields of the same names",
    "raise": "an event to this instance, in the same step",
    "retry": "the number of further attempts after a failure",
    "timeout": "the longest duration of an attempt",
    "backoff": "the wait between attempts",
  ]

  /// All words that the grammar uses, sorted; the grammars of editors are made of this list.
  public static let words: [String] = [
    "action", "advance", "after", "again", "always", "amqp", "and", "as", "at", "backoff", "by", "call", "called",
    "catchup", "complete", "const", "cron", "data", "defer", "deferred", "do", "email", "emit", "emitted", "ended",
    "entry", "enum", "event", "every", "exec", "exit", "expect", "fail", "failed", "fails", "final", "flow", "fn",
    "for", "forever", "from", "header", "hmac", "http", "ignore", "ignored", "import", "in", "incident", "initial",
    "internal", "invariant", "key", "leads", "let", "limit", "log", "max", "migrate", "mock", "never", "not", "of",
    "on", "once", "ongoing", "only", "overlap", "parallel", "per", "priority", "publish", "raise", "read", "redis",
    "reenter", "refused", "region", "retry", "returns", "role", "rollback", "secret", "send", "signed", "sql", "start",
    "state", "steps", "take", "test", "then", "timeout", "times", "to", "type", "tz", "undo", "version", "webhook",
    "when", "with", "worker",
  ]

  /// The types that every program has.
  public static let typeNames: [String] = [
    "bool", "bytes", "double", "duration", "dyn", "int", "list", "map", "string", "timestamp", "uint",
  ]

  public static let constants: [String] = ["false", "null", "true"]

  /// Names that every expression of a flow sees.
  public static let names: [String: String] = [
    "now": "The time of the step.",
    "event": "The event or the result that the reaction answers.",
    "self": "The instance: `id`, `state`, `started_at`.",
    "caller": "The caller: `id`, `roles`.",
    "key": "The identifier of the instance.",
  ]
}
