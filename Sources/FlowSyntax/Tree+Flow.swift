public import CEL
public import FlowSource

/// `flow F { … }`
public struct FlowNode: Sendable {
  public var name: NameNode
  public var version: Int?
  public var key: NameNode?
  public var data: [FieldNode] = []
  public var lets: [ConstantNode] = []
  public var invariants: [Expression] = []
  public var starts: [StartNode] = []
  public var reactions: [ReactionNode] = []
  public var states: [StateNode] = []
  public var documentation: String
  public var range: SourceRange
}

/// `start on E [again] by … when … -> state do …`
public struct StartNode: Sendable {
  public var events: [NameNode]
  public var isAgain: Bool
  public var rest: ReactionRest
  public var range: SourceRange
}

/// A state of any kind with what stands in it.
public struct StateNode: Sendable {
  public enum Kind: String, Sendable { case plain, parallel, region, final, failed }

  public var kind: Kind
  public var isInitial: Bool
  public var name: NameNode
  public var entry: [ActNode] = []
  public var exit: [ActNode] = []
  public var calls: [CallNode] = []
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
  public var rest: ReactionRest
  public var range: SourceRange
}

/// What sets a reaction off.
public struct TriggerNode: Sendable {
  public enum Kind: Sendable {
    /// Events, `call.done`, `call.failed`, `done`, or `any`.
    case on([PathNode])
    case always
    case after(DelayNode)
    case every(DelayNode)
    case at(Expression)
  }

  public var kind: Kind
  public var range: SourceRange
}

/// The part that every reaction shares.
public struct ReactionRest: Sendable {
  public var roles: [NameNode] = []
  public var guardExpression: Expression?
  public var target: PathNode?
  public var isReenter = false
  public var acts: [ActNode] = []
}

/// One thing that a reaction does.
public struct ActNode: Sendable {
  public indirect enum Kind: Sendable {
    case assign(PathNode, indices: [Expression], Expression)
    case perform(PathNode, [ArgumentNode])
    case emit(Expression)
    case raise(Expression)
    case log(Expression)
  }

  public var kind: Kind
  public var loop: LoopNode?
  public var condition: Expression?
  public var range: SourceRange
}

/// `for x in list`
public struct LoopNode: Sendable {
  public var variable: NameNode
  public var list: Expression
}

/// `call action(args) as name retry … timeout … once …`
public struct CallNode: Sendable {
  public var action: PathNode
  public var arguments: [ArgumentNode]
  public var name: NameNode?
  public var once: Expression?
  public var policies: [PolicyNode]
  public var range: SourceRange
}
