public import CEL
public import FlowSource

/// `flow F(parameters) -> type { … }`
public struct FlowNode: Sendable {
  public var name: NameNode
  /// Nil without parentheses; a flow with them can be called like an action.
  public var parameters: [FieldNode]?
  public var result: TypeReferenceNode?
  public var version: Int?
  public var key: NameNode?
  /// The declared time for which the key of an ended instance stays taken.
  public var keyLifetime: KeyLifetimeNode?
  public var data: [FieldNode] = []
  public var lets: [ConstantNode] = []
  /// Events of its own.
  public var events: [EventNode] = []
  public var invariants: [Expression] = []
  public var properties: [PropertyNode] = []
  public var readRules: [ReadRuleNode] = []
  public var migrations: [MigrationNode] = []
  public var starts: [StartNode] = []
  public var reactions: [ReactionNode] = []
  public var states: [StateNode] = []
  /// The text of its states if they are not parsed; ``states`` is empty then.
  public var unparsedStates: UnparsedStates?
  /// The source range of `ongoing`: the flow is not intended to end.
  public var ongoing: SourceRange?
  public var documentation: String
  public var range: SourceRange
}

/// `for 365d` or `forever` after a key.
public struct KeyLifetimeNode: Sendable {
  /// Nil for `forever`.
  public var duration: DurationNode?
  public var range: SourceRange
}

/// A property of every run: `never a and b`, `a leads to b`.
public struct PropertyNode: Sendable {
  public enum Kind: Sendable {
    case never([PathNode])
    case leadsTo(PathNode, PathNode)
  }

  public var kind: Kind
  public var range: SourceRange
}

/// `read by ROLES when CONDITION`: callers that may read an instance.
public struct ReadRuleNode: Sendable {
  /// Empty without `by`.
  public var roles: [NameNode]
  public var condition: Expression?
  public var range: SourceRange
}

/// `migrate from 1 { state a -> b  data field = expression  data b.field = expression }`
public struct MigrationNode: Sendable {
  public var from: Int
  public var states: [(from: PathNode, to: PathNode)] = []
  /// A data field, or the path of a state and one of its fields.
  public var data: [(field: PathNode, value: Expression)] = []
  public var range: SourceRange
}

/// `start TRIGGER by … when … -> state do …`
public struct StartNode: Sendable {
  public enum Trigger: Sendable {
    case on([NameNode], isAgain: Bool)
    case every(DelayNode)
    case cron(CronNode)
    /// Without a trigger: the flow is called.
    case called
  }

  public var trigger: Trigger
  public var policies: [SchedulePolicyNode] = []
  public var rest: TransitionTailNode
  public var range: SourceRange
}

/// `overlap skip` or `catchup none` of a scheduled start.
public struct SchedulePolicyNode: Sendable {
  public enum Kind: String, Sendable { case overlap, catchUp = "catchup" }

  public var kind: Kind
  public var value: NameNode
  public var range: SourceRange
}

/// A state of any kind with its members.
public struct StateNode: Sendable {
  public enum Kind: String, Sendable { case plain, parallel, region, final, failed }

  public var kind: Kind
  public var isInitial: Bool
  public var name: NameNode
  /// The data of the state, in parentheses after its name.
  public var fields: [FieldNode] = []
  public var entry: [ActionStatementNode] = []
  public var exit: [ActionStatementNode] = []
  public var calls: [CallNode] = []
  public var steps: [StepsNode] = []
  /// The source range of `rollback`.
  public var rollback: SourceRange?
  /// The result of a called flow that ends here.
  public var result: Expression?
  /// The source range of `ongoing`: the state is not intended to be left.
  public var ongoing: SourceRange?
  public var reactions: [ReactionNode] = []
  public var ignored: [NameNode] = []
  public var deferred: [NameNode] = []
  public var children: [StateNode] = []
  public var documentation: String
  public var range: SourceRange
}

/// `TRIGGER [by ROLES] [when GUARD] [-> TARGET] [do ACTIONS]`
public struct ReactionNode: Sendable {
  public var trigger: TriggerNode
  public var rest: TransitionTailNode
  public var range: SourceRange
}

/// The trigger of a reaction.
public struct TriggerNode: Sendable {
  public enum Kind: Sendable {
    /// Events, `call.done`, `call.failed`, `done`, `failed`, `rollback.done`, `error`, or `any`.
    case on([PathNode])
    case always
    case after(DelayNode)
    case every(DelayNode)
    case at(Expression)
    case cron(CronNode)
  }

  public var kind: Kind
  public var range: SourceRange
}

/// `cron "0 9 * * MON" tz zone`, or `cron spec` with an expression.
public struct CronNode: Sendable {
  /// Nil if it is missing; the parser has reported it.
  public var spec: Expression?
  public var zone: Expression?

  /// The schedule, if it is written in quotes.
  public var schedule: String? {
    if case .literal(.string(let text))? = spec?.kind { text } else { nil }
  }
}

/// The part that every reaction shares.
public struct TransitionTailNode: Sendable {
  public var roles: [NameNode] = []
  public var guardExpression: Expression?
  public var target: PathNode?
  /// The values of the fields of the target.
  public var arguments: [ArgumentNode] = []
  public var isReenter = false
  public var statements: [ActionStatementNode] = []
}

/// One action of a reaction.
public struct ActionStatementNode: Sendable {
  public indirect enum Kind: Sendable {
    case assign(TargetNode, Expression)
    case perform(PathNode, [ArgumentNode])
    /// `to`: the flow whose running instances receive the event.
    case emit(Expression, to: NameNode?)
    case raise(Expression)
    case log(Expression)
    /// `take a, b`: each data field gets the member of its name from `event`.
    case take([NameNode])
  }

  public var kind: Kind
  public var loop: LoopNode?
  public var condition: Expression?
  public var range: SourceRange
}

/// The target of an assignment: a data field, or a part of one.
public struct TargetNode: Sendable {
  public enum Step: Sendable {
    case field(NameNode)
    case index(Expression)
    /// `[?key]`: the entry of a map, which an empty optional removes.
    case entry(Expression)

    /// The index or key.
    public var expression: Expression? {
      switch self {
      case .field: nil
      case .index(let index), .entry(let index): index
      }
    }
  }

  public var field: NameNode
  public var steps: [Step]
  public var range: SourceRange

  public init(field: NameNode, steps: [Step] = [], range: SourceRange) {
    self.field = field
    self.steps = steps
    self.range = range
  }
}

/// `for x in list`
public struct LoopNode: Sendable {
  public var variable: NameNode
  public var list: Expression
}

/// `call action(args) as name for x in list limit 3 retry … timeout … once … priority … undo …`
public struct CallNode: Sendable {
  public var action: PathNode
  public var arguments: [ArgumentNode]
  public var name: NameNode?
  public var loop: LoopNode?
  /// The maximum number of concurrent jobs of the loop.
  public var limit: Expression?
  public var once: Expression?
  /// Of several jobs that wait, those with a higher priority go first.
  public var priority: Expression?
  public var undo: UndoNode?
  public var policies: [PolicyNode] = []
  /// For a step: the named steps that have to be done before it.
  public var after: [NameNode] = []
  /// For a step: the condition under which it is executed.
  public var condition: Expression?
  public var range: SourceRange
}

/// `undo action(args)`
public struct UndoNode: Sendable {
  public var action: PathNode
  public var arguments: [ArgumentNode]
  public var range: SourceRange
}

/// `steps { name: action(args) after … for … when … }`
public struct StepsNode: Sendable {
  public var steps: [CallNode]
  public var range: SourceRange
}
