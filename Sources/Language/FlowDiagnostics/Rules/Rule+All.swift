import FlowSource

extension Rule {
  /// The catalogue, in order of the codes. A code is never reused for another rule.
  public static let all: [Rule] = names + types + structure + guards + use + time + actions + security + style

  private static let names = [
    Rule("F101", "syntax-error", .error, .core, "invalid syntax"),
    Rule("F102", "unterminated-literal", .error, .core, "a string has no end"),
    Rule("F103", "duplicate-declaration", .error, .core, "a name is declared twice"),
    Rule("F104", "unknown-state", .error, .core, "a target does not exist"),
    Rule("F105", "unknown-event", .error, .core, "an event is not declared"),
    Rule("F106", "unknown-name", .error, .core, "a name is not declared"),
    Rule("F107", "unknown-action", .error, .core, "an action, a flow or a method does not exist"),
    Rule("F108", "import-not-found", .error, .core, "an imported file does not exist"),
    Rule("F109", "import-cycle", .error, .core, "files import each other in a cycle"),
    Rule("F110", "missing-initial", .error, .core, "no initial state is named"),
    Rule("F111", "multiple-initial", .error, .core, "more than one state is `initial`"),
    Rule("F112", "target-in-other-region", .warning, .recommended, "a reaction leaves its parallel through a region"),
    Rule("F113", "reserved-name", .error, .core, "a name is a reserved word"),
    Rule("F116", "circular-definition", .error, .core, "constants, functions or lets depend on each other in a cycle"),
    Rule("F117", "recursive-type", .error, .core, "a type contains itself"),
    Rule("F119", "flow-not-in-test", .error, .core, "a statement of a test does not fit the flows that run in it"),
  ]

  private static let types = [
    Rule("F201", "type-mismatch", .error, .core, "a value has the wrong type"),
    Rule("F202", "guard-not-boolean", .error, .core, "a condition is not a bool"),
    Rule("F203", "unknown-field", .error, .core, "a value has no such field"),
    Rule("F204", "no-matching-overload", .error, .core, "a function or operator does not accept these types"),
    Rule("F205", "constant-overflow", .error, .core, "constant arithmetic overflows"),
    Rule("F206", "constant-division-by-zero", .error, .core, "a constant is divided by zero"),
    Rule("F207", "invalid-regex", .error, .core, "a regular expression is not valid"),
    Rule("F208", "invalid-time-literal", .error, .core, "a duration, an instant or a time zone is not valid"),
    Rule("F209", "index-out-of-range", .error, .core, "a constant list or map has no such entry"),
    Rule("F211", "float-equality", .info, .strict, "two doubles are compared for equality"),
    Rule("F212", "non-deterministic-expression", .error, .core, "an expression is not deterministic"),
    Rule("F213", "side-effect-in-expression", .error, .core, "an expression calls an action"),
    Rule("F214", "not-an-event", .error, .core, "a value that is sent or emitted is not an event"),
    Rule("F215", "missing-input", .error, .core, "an argument is missing or unknown"),
    Rule("F216", "expensive-expression", .warning, .recommended, "the cost of an expression multiplies with its data"),
    Rule("F217", "string-interpolation", .warning, .recommended, "`${…}` in a string is not replaced by a value"),
    Rule("F218", "large-function", .error, .core, "a function is too large with the functions that it calls"),
  ]

  private static let structure = [
    Rule("F301", "unreachable-state", .error, .core, "a state is unreachable"),
    Rule("F302", "dead-end-state", .error, .core, "no path leads from a state to an end"),
    Rule("F303", "no-final-state", .error, .core, "a flow can never end"),
    Rule("F305", "final-has-outgoing", .error, .core, "a final state has reactions or calls"),
    Rule("F306", "endless-cycle", .error, .core, "reactions trigger each other without end"),
    Rule("F307", "misplaced-region", .error, .core, "a region is outside of a parallel, or a state is directly in one"),
    Rule("F309", "unreachable-done", .error, .core, "a completion can never occur"),
    Rule(
      "F310", "history-without-states", .warning, .recommended, "a target with `history` has no states to return to"),
    Rule("F314", "step-cycle", .error, .core, "steps depend on each other in a cycle"),
    Rule("F315", "role-without-caller", .error, .core, "a reaction without a caller requires a role"),
    Rule("F316", "migration-from-later", .error, .core, "a migration is not from an earlier version"),
    Rule("F317", "states-not-analysed", .info, .recommended, "a flow has too many combinations of states to analyse"),
    Rule("F320", "internal-event", .error, .core, "an internal event is used as an external one"),
    Rule(
      "F321", "webhook-without-key", .error, .core,
      "no instance can receive the deliveries of a webhook or the messages of a queue"),
    Rule("F322", "entry-without-value", .error, .core, "a state is entered without a value for one of its fields"),
    Rule("F323", "lost-value", .error, .core, "a field of a state is assigned when the state is left"),
  ]

  private static let guards = [
    Rule("F401", "shadowed-transition", .error, .core, "an earlier reaction always takes precedence"),
    Rule("F402", "duplicate-transition", .error, .core, "two reactions have the same trigger and guard"),
    Rule("F403", "overlapping-guards", .info, .strict, "several guards hold at the same time, and their order decides"),
    Rule("F404", "incomplete-guards", .warning, .recommended, "an event is handled for some data only"),
    Rule("F405", "guard-always-true", .warning, .recommended, "a guard is always true"),
    Rule("F406", "guard-always-false", .warning, .recommended, "a guard is always false"),
    Rule("F407", "contradicts-invariant", .warning, .recommended, "a guard contradicts an invariant"),
    Rule("F408", "broken-property", .warning, .strict, "a run breaks a property of a flow"),
    Rule("F410", "any-not-last", .warning, .recommended, "`on any` is not the last reaction of its state"),
    Rule("F411", "simplifiable-guard", .info, .strict, "a guard can be simplified"),
    Rule("F412", "guards-not-analysed", .info, .recommended, "guards are too many to compare"),
    Rule("F413", "incomplete-table", .error, .core, "the rows of a decision table leave a case"),
  ]

  private static let use = [
    Rule("F501", "unused-event", .warning, .recommended, "an event is never handled, sent or emitted"),
    Rule("F502", "unused-data", .warning, .recommended, "a data field is never used"),
    Rule("F503", "read-before-write", .error, .core, "a field or a result is read or stored without a value"),
    Rule("F504", "unused-action", .warning, .recommended, "an action is never called"),
    Rule("F505", "unused-definition", .warning, .recommended, "a let, constant or function is never used"),
    Rule("F506", "unused-import", .warning, .recommended, "an import is never used"),
    Rule("F507", "unhandled-event", .info, .selected, "a waiting state refuses an event of the flow"),
    Rule("F508", "raised-but-unhandled", .warning, .recommended, "a raised event has no reaction"),
    Rule("F509", "dead-assignment", .warning, .recommended, "a value is overwritten before it is read"),
    Rule("F510", "output-not-set", .error, .core, "a flow ends without its result"),
    Rule("F511", "unused-suppression", .warning, .recommended, "a `flow:ignore` suppresses nothing"),
    Rule("F513", "suppression-without-reason", .info, .strict, "a `flow:ignore` has no reason"),
    Rule("F514", "unused-role", .warning, .recommended, "a role is never required"),
    Rule("F515", "unused-type", .warning, .recommended, "a type or enum is never used"),
    Rule("F516", "unsent-event", .warning, .recommended, "an internal event is never emitted or raised"),
    Rule("F517", "lifetime-without-effect", .warning, .recommended, "the lifetime of a key has no effect"),
    Rule("F518", "unreached-flow", .warning, .recommended, "nothing reaches a flow that runs in a test"),
  ]

  private static let time = [
    Rule("F601", "missing-timeout", .warning, .strict, "a state may wait indefinitely"),
    Rule("F602", "non-positive-duration", .error, .core, "a duration is not positive"),
    Rule("F604", "interval-too-short", .warning, .recommended, "a timer fires more than once per second"),
    Rule("F605", "retry-without-limit", .warning, .recommended, "an action is retried without limit"),
    Rule("F606", "retry-without-backoff", .info, .strict, "the delay between retries never grows"),
    Rule("F607", "invalid-cron", .error, .core, "a schedule is not valid or never due"),
    Rule("F608", "invalid-schedule-policy", .error, .core, "a policy of a schedule is unknown or has no effect"),
  ]

  private static let actions = [
    Rule("F701", "action-failure-unhandled", .warning, .recommended, "a failure of a call is not handled"),
    Rule("F702", "catch-order", .error, .core, "a general failure handler precedes a more specific one"),
    Rule("F703", "retry-non-idempotent", .info, .strict, "a retry may perform an action twice"),
    Rule("F704", "call-cycle", .error, .core, "flows call each other without end"),
    Rule("F705", "unknown-failure", .error, .core, "an action does not declare a failure code"),
    Rule("F707", "missing-rollback", .warning, .recommended, "an armed undo is never rolled back"),
    Rule("F712", "conflicting-regions", .error, .core, "two regions may leave their parallel on the same event"),
    Rule("F713", "emit-cycle", .warning, .recommended, "flows start each other, or an instance itself, in a cycle"),
    Rule("F714", "region-race", .warning, .recommended, "a region assigns what the guard of another region reads"),
    Rule("F715", "invalid-broadcast", .error, .core, "an event is broadcast to a flow that can't handle it"),
    Rule("F716", "priority-without-effect", .warning, .recommended, "a priority has no effect"),
  ]

  private static let security = [
    Rule("F801", "secret-in-log", .error, .core, "an environment variable is written to a log"),
    Rule("F803", "plain-http", .warning, .recommended, "a request is not encrypted"),
    Rule("F804", "forgeable-event", .warning, .recommended, "a caller may send an event that a flow emits"),
    Rule("F805", "unescaped-url", .warning, .recommended, "data is joined to a URL without encoding"),
  ]

  private static let style = [
    Rule("F901", "state-name-style", .info, .strict, "a state name violates the naming convention"),
    Rule("F902", "event-name-style", .info, .strict, "an event, type or flow name violates the naming convention"),
    Rule("F903", "data-name-style", .info, .strict, "a field name violates the naming convention"),
    Rule("F904", "confusing-names", .warning, .recommended, "two names differ only in case or underscores"),
    Rule("F905", "missing-doc", .info, .strict, "a flow has no documentation"),
    Rule("F906", "deprecated-use", .warning, .recommended, "a deprecated declaration is used"),
    Rule("F910", "not-formatted", .info, .strict, "`flow fmt` would change the file"),
  ]
}
