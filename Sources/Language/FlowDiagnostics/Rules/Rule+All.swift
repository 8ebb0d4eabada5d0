import FlowSource

extension Rule {
  /// The catalogue, in order of the codes. A code is never used again for something else.
  public static let all: [Rule] = names + types + structure + guards + use + time + actions + security + style

  private static let names = [
    Rule("F101", "syntax-error", .error, .core, "the text can't be understood"),
    Rule("F102", "unterminated-literal", .error, .core, "a string is not closed"),
    Rule("F103", "duplicate-declaration", .error, .core, "two things of one kind have one name"),
    Rule("F104", "unknown-state", .error, .core, "a target does not exist"),
    Rule("F105", "unknown-event", .error, .core, "an event is not declared"),
    Rule("F106", "unknown-name", .error, .core, "a name means nothing here"),
    Rule("F107", "unknown-action", .error, .core, "an action, a flow or a method does not exist"),
    Rule("F108", "import-not-found", .error, .core, "a file is not there"),
    Rule("F109", "import-cycle", .error, .core, "files import each other in a circle"),
    Rule("F110", "missing-initial", .error, .core, "nothing says where to begin"),
    Rule("F111", "multiple-initial", .error, .core, "more than one state is the first"),
    Rule("F112", "target-in-other-region", .warning, .recommended, "a reaction leaves its parallel by way of a region"),
    Rule("F113", "reserved-name", .error, .core, "a name is a word of the language"),
    Rule("F116", "circular-definition", .error, .core, "constants, functions or lets need each other"),
    Rule("F117", "recursive-type", .error, .core, "a type contains itself"),
  ]

  private static let types = [
    Rule("F201", "type-mismatch", .error, .core, "a value has another type than is wanted"),
    Rule("F202", "guard-not-boolean", .error, .core, "what decides is not a bool"),
    Rule("F203", "unknown-field", .error, .core, "a value has no such field"),
    Rule("F204", "no-matching-overload", .error, .core, "a function or operator does not take these types"),
    Rule("F205", "constant-overflow", .error, .core, "constant arithmetic leaves its range"),
    Rule("F206", "constant-division-by-zero", .error, .core, "a constant is divided by zero"),
    Rule("F207", "invalid-regex", .error, .core, "a regular expression can't be read"),
    Rule("F208", "invalid-time-literal", .error, .core, "a length of time or an instant can't be read"),
    Rule("F209", "index-out-of-range", .error, .core, "a constant list or map has no such entry"),
    Rule("F211", "float-equality", .info, .strict, "two doubles are compared bit by bit"),
    Rule("F212", "non-deterministic-expression", .error, .core, "an expression would differ from run to run"),
    Rule("F213", "side-effect-in-expression", .error, .core, "an expression calls an action"),
    Rule("F214", "not-an-event", .error, .core, "what is sent or emitted is not an event"),
    Rule("F215", "missing-input", .error, .core, "an argument is missing or unknown"),
    Rule("F216", "expensive-expression", .warning, .recommended, "the work of an expression multiplies with its data"),
  ]

  private static let structure = [
    Rule("F301", "unreachable-state", .error, .core, "no path leads to a state"),
    Rule("F302", "dead-end-state", .error, .core, "no path leads from a state to an end"),
    Rule("F303", "no-final-state", .error, .core, "a flow can never end"),
    Rule("F305", "final-has-outgoing", .error, .core, "a final state does something"),
    Rule("F306", "endless-cycle", .error, .core, "reactions follow each other without ever waiting"),
    Rule("F307", "misplaced-region", .error, .core, "a region stands outside of a parallel, or a state in one"),
    Rule("F309", "unreachable-done", .error, .core, "a completion that can never happen"),
    Rule("F310", "history-without-states", .warning, .recommended, "a target's history has nothing to go back to"),
    Rule("F314", "step-cycle", .error, .core, "steps wait for each other"),
    Rule("F315", "role-without-caller", .error, .core, "a reaction that nobody calls wants a role"),
    Rule("F316", "migration-from-later", .error, .core, "a migration does not come from an earlier version"),
  ]

  private static let guards = [
    Rule("F401", "shadowed-transition", .error, .core, "an earlier reaction always wins"),
    Rule("F402", "duplicate-transition", .error, .core, "two reactions have the same trigger and guard"),
    Rule("F403", "overlapping-guards", .info, .strict, "several guards hold at once, and order decides"),
    Rule("F404", "incomplete-guards", .warning, .recommended, "an event is handled for some data only"),
    Rule("F405", "guard-always-true", .warning, .recommended, "a guard decides nothing"),
    Rule("F406", "guard-always-false", .warning, .recommended, "a reaction never happens"),
    Rule("F407", "contradicts-invariant", .warning, .recommended, "an invariant rules a guard out"),
    Rule("F410", "any-not-last", .warning, .recommended, "`on any` is not the last reaction of its state"),
    Rule("F411", "simplifiable-guard", .info, .strict, "a guard says the same in fewer words"),
  ]

  private static let use = [
    Rule("F501", "unused-event", .warning, .recommended, "an event is never handled, sent or emitted"),
    Rule("F502", "unused-data", .warning, .recommended, "a data field is neither read nor assigned"),
    Rule("F503", "read-before-write", .error, .core, "a field is read, or kept, without a value"),
    Rule("F504", "unused-action", .warning, .recommended, "an action is never called"),
    Rule("F505", "unused-definition", .warning, .recommended, "a let, constant or function is never used"),
    Rule("F506", "unused-import", .warning, .recommended, "nothing of a file is used"),
    Rule("F507", "unhandled-event", .info, .selected, "a waiting state refuses an event of the flow"),
    Rule("F508", "raised-but-unhandled", .warning, .recommended, "nothing reacts to a raised event"),
    Rule("F509", "dead-assignment", .warning, .recommended, "a value is overwritten before it is read"),
    Rule("F510", "output-not-set", .error, .core, "a flow ends without its result"),
    Rule("F511", "unused-suppression", .warning, .recommended, "a `flow:ignore` hides nothing"),
    Rule("F513", "suppression-without-reason", .info, .strict, "a `flow:ignore` does not say why"),
    Rule("F514", "unused-role", .warning, .recommended, "a role is never asked for"),
    Rule("F515", "unused-type", .warning, .recommended, "a type or enum is never used"),
  ]

  private static let time = [
    Rule("F601", "missing-timeout", .warning, .strict, "a state may wait for ever"),
    Rule("F602", "non-positive-duration", .error, .core, "a timer waits for no time"),
    Rule("F604", "interval-too-short", .warning, .recommended, "a timer fires more than once a second"),
    Rule("F605", "retry-without-limit", .warning, .recommended, "an action is tried again for ever"),
    Rule("F606", "retry-without-backoff", .info, .strict, "the wait between tries never grows"),
    Rule("F607", "invalid-cron", .error, .core, "a schedule can't be read or never falls due"),
  ]

  private static let actions = [
    Rule("F701", "action-failure-unhandled", .warning, .recommended, "a failure of a call is not handled"),
    Rule("F702", "catch-order", .error, .core, "a failure is caught before the more specific handler"),
    Rule("F703", "retry-non-idempotent", .info, .strict, "an action may be done twice when it is tried again"),
    Rule("F704", "call-cycle", .error, .core, "flows call each other without end"),
    Rule("F705", "unknown-failure", .error, .core, "a code is not among the failures of an action"),
    Rule("F707", "missing-rollback", .warning, .recommended, "what is armed with undo is never rolled back"),
    Rule("F712", "conflicting-regions", .error, .core, "two regions could leave their parallel on one event"),
    Rule("F713", "emit-cycle", .warning, .recommended, "flows start each other in a circle"),
  ]

  private static let security = [
    Rule("F801", "secret-in-log", .error, .core, "a variable of the environment reaches a log"),
    Rule("F803", "plain-http", .warning, .recommended, "a request goes over the network in the clear"),
  ]

  private static let style = [
    Rule("F901", "state-name-style", .info, .strict, "a state is not named as states are"),
    Rule("F902", "event-name-style", .info, .strict, "an event, type or flow is not named as they are"),
    Rule("F903", "data-name-style", .info, .strict, "a data field is not named as fields are"),
    Rule("F904", "confusing-names", .warning, .recommended, "two names differ in case or underscores only"),
    Rule("F905", "missing-doc", .info, .strict, "a flow says nothing about itself"),
    Rule("F906", "deprecated-use", .warning, .recommended, "something deprecated is used"),
    Rule("F910", "not-formatted", .info, .strict, "`flow fmt` would change the file"),
  ]
}
