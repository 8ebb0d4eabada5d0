// The flow as the interpreter reads it: rows of numbers. Programs, acts and lists of indices stand in tables of their
// own, and a `Stretch` says which of them belong to a row.

struct StateRow: Sendable, BitwiseCopyable {
  var parent: Int32
  var end: Int32
  var depth: Int32
  var initial: Int32
  var children: RowRange
  var entry: RowRange
  var exit: RowRange
  /// Transitions that wait for an instant.
  var timers: RowRange
  var calls: RowRange
  var steps: RowRange
  /// The program of what a called flow answers here.
  var result: Int32
  var isFinal: Bool
  var isFailed: Bool
  var isRegion: Bool
  var isParallel: Bool
  var isRollback: Bool
  /// Whether some transition goes back to where it was left.
  var isRemembered: Bool
  /// Whether leaving it ends timers, calls, steps or a rollback.
  var hasWork: Bool
}

struct TransitionRow: Sendable, BitwiseCopyable {
  var source: Int32
  var target: Int32
  var condition: Int32
  var acts: RowRange
  /// The innermost state that stays active; none when nothing is left.
  var domain: Int32
  /// What may be left: the states behind `exitLow`, before `exitHigh`.
  var exitLow: Int32
  var exitHigh: Int32
  /// The states that are entered, in order, where that is known beforehand.
  var entering: RowRange
  var due: Int32
  var place: Int32
  var timer: TimerKind
  var isHistory: Bool
  var hasRoles: Bool
}

enum TimerKind: UInt8, Sendable, BitwiseCopyable { case no, after, every, at, cron }

struct StartRow: Sendable, BitwiseCopyable {
  var condition: Int32
  var acts: RowRange
  var entering: RowRange
  /// The program of the distance of `every`.
  var due: Int32
  var place: Int32
  var hasRoles: Bool
}

struct ActionStatementRow: Sendable, BitwiseCopyable {
  enum Kind: UInt8, Sendable, BitwiseCopyable { case assign, assignPart, perform, emit, raise, log }

  var kind: Kind
  /// The slot that is assigned, or the index of the action or event.
  var index: Int32
  /// What is assigned, emitted, raised or logged; the first of the arguments.
  var value: RowRange
  var parts: RowRange
  var loop: Int32
  var loopSlot: Int32
  var condition: Int32
  var place: Int32
}

/// One selection on the way to the part of a value.
struct PartRow: Sendable, BitwiseCopyable {
  /// The place of a field in its record.
  var field: Int32
  /// The key of a map without a type, by its number among the names.
  var name: Int32
  /// The program of an index or a key.
  var index: Int32
}

struct CallRow: Sendable, BitwiseCopyable {
  var state: Int32
  var arguments: RowRange
  var loop: Int32
  var loopSlot: Int32
  var limit: Int32
  var once: Int32
  var condition: Int32
  /// The steps that it waits for.
  var after: RowRange
  var undo: Int32
  var undoArguments: RowRange
  var resultSlot: Int32
  var place: Int32
  var isStep: Bool
}

/// What a state says to a trigger.
struct ReactionRow: Sendable, BitwiseCopyable {
  enum Reply: UInt8, Sendable, BitwiseCopyable { case no, ignore, `defer` }

  var state: Int32
  var end: Int32
  /// The transitions that name the trigger.
  var exact: RowRange
  /// What the state says when none of them takes it.
  var reply: Reply
  /// The transitions for any event.
  var any: RowRange
}
