public import CEL
public import FlowIR
public import FlowSource
public import FlowSyntax

/// A program with valid names and types. Only the checker creates one, so unchecked programs can't be lowered.
public struct CheckedProgram: Sendable {
  public var sources: SourceSet
  public var types: [RecordDeclaration]
  public var enums: [EnumDeclaration]
  public var roles: [String]
  public var events: [CheckedEvent]
  public var actions: [CheckedAction]
  public var flows: [CheckedFlow]
  public var tests: [CheckedTest]
}

/// An expression with its type and its location.
public struct CheckedExpression: Sendable {
  public var tree: TypedExpression
  public var range: SourceRange
}

public struct CheckedEvent: Sendable {
  public var payload: RecordDeclaration
  /// The computed members, over the payload in the slot of `event`.
  public var computed: [(name: String, value: CheckedExpression)]
  public var isInternal: Bool
  public var webhook: CheckedWebhook?
  public var queue: BrokerQueue?
}

public struct CheckedWebhook: Sendable {
  public var secret: CheckedExpression
  public var environment: [String]
  public var header: String
  public var algorithm: String
}

public struct CheckedAction: Sendable {
  public enum Binding: Sendable {
    case http(method: String, url: CheckedExpression, headers: CheckedExpression?, body: CheckedExpression?)
    case worker(queue: String)
    case log(CheckedExpression)
    case other(kind: String, settings: [(name: String, value: CheckedExpression)])
  }

  public var node: ActionNode
  public var parameters: RecordDeclaration
  public var result: ValueType?
  public var binding: Binding
  /// The environment variables that the binding reads, in the order of their slots.
  public var environment: [String]
  public var signature: CheckedExpression?
  /// The expression after `at once per`, over the parameters.
  public var concurrencyKey: CheckedExpression?
  /// The expression after the period of `limit 10 per 1s per tenant`.
  public var rateKey: CheckedExpression?
  /// The largest size of the result; nil for no bound.
  public var resultMaximum: Int?
}

public struct CheckedFlow: Sendable {
  public struct Field: Sendable {
    /// The name in the program; that of a field of a state has the path of the state before it: `asked.token`.
    public var name: String
    public var type: ValueType
    public var defaultValue: CheckedExpression?
    /// The state that has the field; nil for a field of the flow.
    public var state: Int?
    public var node: FieldNode?
    /// The largest size of its values; nil for no bound.
    public var maximum: Int?
    /// The name as the flow reads it.
    public var plainName: String { state == nil ? name : node?.name.text ?? name }
  }

  public var node: FlowNode
  /// The number of leading fields that are parameters.
  public var parameterCount: Int
  public var result: ValueType?
  /// The largest size of the result; nil for no bound.
  public var resultMaximum: Int?
  public var key: Int?
  public var fields: [Field]
  public var definitions: [(name: String, value: CheckedExpression)]
  public var calls: [CheckedCall]
  public var invariants: [CheckedExpression]
  /// In document order; the first is the flow itself.
  public var states: [CheckedState]
  public var reactions: [CheckedReaction]
  /// The indices of the reactions of each state.
  var reactionsByState: [[Int]]
  public var starts: [CheckedStart]
  public var properties: [CheckedProperty]
  public var readRules: [CheckedReadRule]
  public var migrations: [CheckedMigration]
  /// The number of slots after the fixed ones that persist between steps: fields and results of calls.
  public var keptCount: Int
  public var frameSize: Int

  func reactions(of state: Int) -> [CheckedReaction] { reactionsByState[state].map { reactions[$0] } }
}

extension [CheckedState] {
  /// A state, and all that enclose it up to the flow.
  func around(_ state: Int) -> [Int] {
    var found = [state]
    while let last = found.last, last != 0 { found.append(self[last].parent) }
    return found
  }
}

/// The indices of the reactions of each state.
func indices(of reactions: [CheckedReaction], stateCount: Int) -> [[Int]] {
  var found = [[Int]](repeating: [], count: stateCount)
  for (index, reaction) in reactions.enumerated() { found[reaction.source].append(index) }
  return found
}

public enum CheckedProperty: Sendable {
  case never([Int])
  case leadsTo(Int, Int)
}

public struct CheckedReadRule: Sendable {
  public var roles: [Int]
  public var condition: CheckedExpression?
}

public struct CheckedMigration: Sendable {
  public var from: Int
  public var moves: [(from: String, to: Int)] = []
  public var assignments: [(field: Int, value: CheckedExpression)] = []
  public var range: SourceRange
}

public struct CheckedState: Sendable {
  public enum Kind: String, Sendable { case root, plain, parallel, region, final, failed }

  public var name: NameNode
  public var path: String
  public var kind: Kind
  public var parent: Int
  public var depth: Int
  public var children: [Int]
  public var initial: Int?
  public var end: Int
  /// The indices of its fields among those of the flow.
  public var fields: Range<Int> = 0..<0
  public var entry: [CheckedActionStatement] = []
  public var exit: [CheckedActionStatement] = []
  public var ignored: [Int] = []
  public var deferred: [Int] = []
  public var isRollback = false
  public var isOngoing = false
  public var result: CheckedExpression?
}

/// A reaction to one trigger. A reaction to several events is checked and listed once for each.
public struct CheckedReaction: Sendable {
  public enum Trigger: Sendable {
    case event(Int)
    case any
    case always
    case after(CheckedExpression)
    case every(CheckedExpression)
    case at(CheckedExpression)
    case cron(CheckedCron)
    case callDone(Int)
    case callFailed(Int)
    case itemDone(Int)
    case itemFailed(Int)
    case done
    case failed
    case rollbackDone
    case rollbackFailed
    case error
  }

  public var source: Int
  public var trigger: Trigger
  public var rest: CheckedTransitionTail
  public var range: SourceRange
}

public struct CheckedCron: Sendable {
  /// Empty if it is computed from data.
  public var schedule: String
  /// The expression of the schedule, if it is not constant.
  public var spec: CheckedExpression?
  public var zone: CheckedExpression?
}

public struct CheckedTransitionTail: Sendable {
  public var roles: [Int] = []
  /// The flows after `by`.
  public var senders: [Int] = []
  public var guardExpression: CheckedExpression?
  public var target: Int?
  /// The values of the target's fields, evaluated before states are left.
  public var arguments: [CheckedStateArgument] = []
  public var isHistory = false
  public var isReenter = false
  public var statements: [CheckedActionStatement] = []
}

/// The value of a field of a state that is entered.
public struct CheckedStateArgument: Sendable {
  /// The index of the field among those of the flow.
  public var field: Int
  public var value: CheckedExpression
}

public struct CheckedStart: Sendable {
  public enum Trigger: Sendable {
    case event(Int, isAgain: Bool)
    case every(CheckedExpression)
    case cron(CheckedCron)
    case called
  }

  public var trigger: Trigger
  public var overlap = OverlapPolicy.allow
  public var catchUp = CatchUpPolicy.one
  public var rest: CheckedTransitionTail
  public var range: SourceRange
}

public struct CheckedActionStatement: Sendable {
  public enum Kind: Sendable {
    case assign(slot: Int, part: [PartStep], CheckedExpression)
    case perform(action: Int, [CheckedExpression])
    case emit(event: Int, CheckedExpression, to: Int?)
    case raise(event: Int, CheckedExpression)
    case log(CheckedExpression)
  }

  public enum PartStep: Sendable {
    case field(String)
    case index(CheckedExpression)
    /// The key of the entry of a map, which an empty optional removes.
    case entry(CheckedExpression)

    /// The index or key.
    var expression: CheckedExpression? {
      switch self {
      case .field: nil
      case .index(let index), .entry(let index): index
      }
    }
  }

  public var kind: Kind
  public var loop: (slot: Int, list: CheckedExpression)?
  public var condition: CheckedExpression?
  public var range: SourceRange
}

public struct CheckedCall: Sendable {
  public enum Target: Hashable, Sendable {
    case action(Int)
    case flow(Int)
  }

  public var name: String
  public var state: Int
  public var target: Target
  public var arguments: [CheckedExpression] = []
  public var loop: (slot: Int, list: CheckedExpression)?
  public var limit: CheckedExpression?
  public var once: CheckedExpression?
  public var priority: CheckedExpression?
  public var undo: (action: Int, arguments: [CheckedExpression])?
  public var isStep: Bool
  public var after: [Int] = []
  public var condition: CheckedExpression?
  /// The record of its result: the type of `event` in `on name.done`, and of the name itself.
  public var resultRecord: String
  /// The slot of its last result.
  public var resultSlot: Int
  public var node: CallNode
}
