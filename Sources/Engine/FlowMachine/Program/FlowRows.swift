// The flow in the form of the interpreter: rows of numbers. Expressions, statements and lists of indices have their own
// tables; a `RowRange` selects the part of a table that belongs to a row.

import FlowIR

struct StateRow: Sendable, BitwiseCopyable {
  var parent: StateIndex
  /// The first index after the descendants.
  var end: StateIndex
  var children: RowRange
  var entry: RowRange
  var exit: RowRange
  /// Transitions that are triggered by an instant.
  var timers: RowRange
  var calls: RowRange
  var steps: RowRange
  /// The indices of its fields among those of the flow.
  var fields: RowRange
  /// The result of a called flow that ends in this state.
  var result: OptionalIndex<ExpressionIndex>
  var isFinal: Bool
  var isFailed: Bool
  var isRegion: Bool
  var isParallel: Bool
  var isRollback: Bool
  /// True if a transition returns to it by `history`.
  var isRemembered: Bool
  /// True if it has reactions to events.
  var reactsToEvents: Bool
  /// True if leaving it ends timers, calls, steps or a rollback.
  var hasWork: Bool
}

struct TransitionRow: Sendable, BitwiseCopyable {
  var source: StateIndex
  var target: OptionalIndex<StateIndex>
  var condition: OptionalIndex<ExpressionIndex>
  var statements: RowRange
  var arguments: ArgumentRows
  /// The innermost state that stays active; nil when nothing is left.
  var domain: OptionalIndex<StateIndex>
  /// The states that may be left: from `exitLow` up to but not including `exitHigh`.
  var exitLow: StateIndex
  var exitHigh: StateIndex
  /// The states that are entered, in order, unless history decides.
  var entering: RowRange
  var due: OptionalIndex<ExpressionIndex>
  var location: LocationIndex
  var timer: TimerKind
  var isHistory: Bool
  var hasRoles: Bool
}

enum TimerKind: UInt8, Sendable, BitwiseCopyable { case no, after, every, at, cron }

/// The values of fields of the target: consecutive expressions, and the index of the field of each.
struct ArgumentRows: Sendable, BitwiseCopyable {
  var values = RowRange()
  var fields = RowRange()
}

struct StartRow: Sendable, BitwiseCopyable {
  var condition: OptionalIndex<ExpressionIndex>
  var statements: RowRange
  var arguments: ArgumentRows
  var entering: RowRange
  /// The interval of `every`.
  var due: OptionalIndex<ExpressionIndex>
  var location: LocationIndex
  var hasRoles: Bool
}

struct ActionStatementRow: Sendable, BitwiseCopyable {
  enum Kind: UInt8, Sendable, BitwiseCopyable { case assign, assignPart, perform, emit, raise, log }

  var kind: Kind
  /// The slot that is assigned, or the index of the action or event.
  var index: Int32
  /// The value that is assigned, emitted, raised or logged; or the arguments.
  var value: RowRange
  var parts: RowRange
  var loop: OptionalIndex<ExpressionIndex>
  var loopSlot: Int32
  var condition: OptionalIndex<ExpressionIndex>
  var location: LocationIndex
  /// The flow that an event is broadcast to.
  var receivers: OptionalIndex<FlowIndex> = nil

  /// The expression of the value, or of the first argument.
  @inline(__always) var firstValue: ExpressionIndex { ExpressionIndex(rawValue: value.start) }
}

/// One selection in the path to a part of a value.
enum PartRow: Sendable, BitwiseCopyable {
  /// The position of a field in its record.
  case field(Int)
  /// The key of a map without a type: its position in ``LoadedFlow/names``.
  case name(Int)
  /// The expression of an index or a key.
  case index(ExpressionIndex)
  /// The expression of the key of an entry, which an empty optional removes.
  case entry(ExpressionIndex)
}

struct CallRow: Sendable, BitwiseCopyable {
  var state: StateIndex
  var arguments: RowRange
  var loop: OptionalIndex<ExpressionIndex>
  var loopSlot: Int32
  var limit: OptionalIndex<ExpressionIndex>
  var once: OptionalIndex<ExpressionIndex>
  var priority: OptionalIndex<ExpressionIndex>
  var condition: OptionalIndex<ExpressionIndex>
  /// The steps that have to be done before it starts.
  var after: RowRange
  var hasUndo: Bool
  var undoArguments: RowRange
  var resultSlot: Int32
  var location: LocationIndex
  var isStep: Bool
  /// True if expressions read its result as an optional value: it may have failed or been skipped.
  var isResultOptional: Bool
  /// True if its result is a list without values for items that have failed.
  var hasAbsentItems: Bool
}

/// The reactions of one state to a trigger.
struct ReactionRow: Sendable, BitwiseCopyable {
  enum Reply: UInt8, Sendable, BitwiseCopyable { case no, ignore, `defer` }

  var state: StateIndex
  var end: StateIndex
  /// The transitions that name the trigger.
  var exact: RowRange
  /// The disposition when none of them is enabled.
  var reply: Reply
  /// The transitions for any event.
  var any: RowRange
}
