public import CEL
public import FlowSource
public import FlowSyntax

/// A program whose names and types hold. Only the checker makes one, so what was not checked can't be lowered.
public struct CheckedProgram: Sendable {
  public var sources: SourceSet
  public var types: [RecordDeclaration]
  public var enums: [EnumDeclaration]
  public var roles: [String]
  public var events: [RecordDeclaration]
  public var actions: [CheckedAction]
  public var flows: [CheckedFlow]
}

/// An expression with its type, and where it is written.
public struct CheckedExpression: Sendable {
  public var tree: TypedExpression
  public var range: SourceRange
}

public struct CheckedAction: Sendable {
  public enum Binding: Sendable {
    case http(method: String, url: CheckedExpression, headers: CheckedExpression?, body: CheckedExpression?)
    case worker(queue: String)
    case log(CheckedExpression)
  }

  public var node: ActionNode
  public var parameters: RecordDeclaration
  public var result: ValueType?
  public var binding: Binding
  /// The environment variables that the binding reads, in the order of their slots.
  public var environment: [String]
}

public struct CheckedFlow: Sendable {
  public struct Field: Sendable {
    public var name: String
    public var type: ValueType
    public var defaultValue: CheckedExpression?
  }

  public var node: FlowNode
  public var key: Int?
  public var fields: [Field]
  public var definitions: [(name: String, value: CheckedExpression)]
  public var calls: [CheckedCall]
  public var invariants: [CheckedExpression]
  /// In document order; the first is the flow itself.
  public var states: [CheckedState]
  public var reactions: [CheckedReaction]
  public var starts: [CheckedStart]
  /// How many slots behind the fixed ones are kept between steps: the fields and the results of calls.
  public var keptCount: Int
  public var frameSize: Int
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
  public var entry: [CheckedAct] = []
  public var exit: [CheckedAct] = []
  public var ignored: [Int] = []
  public var deferred: [Int] = []
}

/// A reaction to one trigger. One that is written for several events is checked, and stands here, once for each.
public struct CheckedReaction: Sendable {
  public enum Trigger: Sendable {
    case event(Int)
    case any
    case always
    case after(CheckedExpression)
    case every(CheckedExpression)
    case at(CheckedExpression)
    case callDone(Int)
    case callFailed(Int)
    case done
  }

  public var source: Int
  public var trigger: Trigger
  public var rest: CheckedRest
  public var range: SourceRange
}

public struct CheckedRest: Sendable {
  public var roles: [Int] = []
  public var guardExpression: CheckedExpression?
  public var target: Int?
  public var isHistory = false
  public var isReenter = false
  public var acts: [CheckedAct] = []
}

public struct CheckedStart: Sendable {
  public var event: Int
  public var isAgain: Bool
  public var rest: CheckedRest
  public var range: SourceRange
}

public struct CheckedAct: Sendable {
  public enum Kind: Sendable {
    case assign(slot: Int, CheckedExpression)
    case perform(action: Int, [CheckedExpression])
    case emit(event: Int, CheckedExpression)
    case raise(event: Int, CheckedExpression)
    case log(CheckedExpression)
  }

  public var kind: Kind
  public var loop: (slot: Int, list: CheckedExpression)?
  public var condition: CheckedExpression?
  public var range: SourceRange
}

public struct CheckedCall: Sendable {
  public var name: String
  public var state: Int
  public var action: Int
  public var arguments: [CheckedExpression]
  public var once: CheckedExpression?
  /// Where its last result is kept.
  public var resultSlot: Int
  public var node: CallNode
}
