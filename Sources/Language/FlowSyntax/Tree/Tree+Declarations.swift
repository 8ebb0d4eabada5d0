public import CEL
public import FlowSource

/// `import "path.flow" as name`
public struct ImportNode: Sendable {
  public var path: String
  public var pathRange: SourceRange
  /// The name by which the declarations of that file may be qualified: `name.Item`.
  public var alias: NameNode?
  public var range: SourceRange
}

/// `type T { field: type = default }`
public struct TypeNode: Sendable {
  public var name: NameNode
  public var fields: [FieldNode]
  public var documentation: String
  public var range: SourceRange
}

/// A field of a type, an event or a flow's data.
public struct FieldNode: Sendable {
  public var name: NameNode
  public var type: TypeReferenceNode
  public var defaultValue: Expression?
  public var range: SourceRange
}

/// `enum E { a, b }`
public struct EnumNode: Sendable {
  public var name: NameNode
  public var values: [NameNode]
  public var documentation: String
  public var range: SourceRange
}

/// `const N = expression`
public struct ConstantNode: Sendable {
  public var name: NameNode
  public var value: Expression
  public var documentation: String
  public var range: SourceRange
}

/// `fn f(x: type) -> type = expression`, or a decision table in braces.
public struct FunctionNode: Sendable {
  public var name: NameNode
  public var parameters: [FieldNode]
  public var result: TypeReferenceNode
  /// The rows of a decision table, tried in their order; empty for a function that is one expression.
  public var rows: [TableRowNode] = []
  /// The value; for a decision table, its rows as nested conditionals.
  public var body: Expression
  public var documentation: String
  public var range: SourceRange
}

/// `when condition -> value` or `always -> value` in a decision table.
public struct TableRowNode: Sendable {
  /// Nil for `always`.
  public var condition: Expression?
  public var value: Expression
  public var range: SourceRange
}

/// `role r`
public struct RoleNode: Sendable {
  public var name: NameNode
  public var documentation: String
  public var range: SourceRange
}

/// `internal event E from webhook { … } { fields  let name = expression }`, `event E from amqp "orders" { … }`
public struct EventNode: Sendable {
  public var name: NameNode
  /// Only flows emit and raise it. An event that is declared in a flow is internal without the word.
  public var isInternal = false
  public var webhook: WebhookNode?
  public var queue: QueueNode?
  public var fields: [FieldNode]
  /// The members that are computed from the others, in the order of the text.
  public var lets: [ConstantNode] = []
  public var documentation: String
  public var range: SourceRange
}

/// `from webhook { secret env("S") header "X-Signature" hmac sha256 }`
public struct WebhookNode: Sendable {
  public var secret: Expression?
  public var header: String?
  public var algorithm: NameNode?
  public var range: SourceRange
}

/// `from amqp "orders"`, `from redis "orders"`
public struct QueueNode: Sendable {
  /// `amqp` or `redis`.
  public var broker: NameNode
  public var name: String
  public var nameRange: SourceRange
  public var range: SourceRange
}

/// `action a(parameters) -> type fails CODES { binding policies }`
public struct ActionNode: Sendable {
  public var name: PathNode
  public var parameters: [FieldNode]
  public var result: TypeReferenceNode?
  public var failures: [NameNode]
  public var binding: BindingNode?
  public var policies: [PolicyNode]
  public var documentation: String
  public var range: SourceRange
}

/// The external operation of an action.
public struct BindingNode: Sendable {
  public enum Kind: Sendable {
    case http(method: NameNode, url: Expression)
    case email
    case publish(exchange: Expression, routingKey: Expression)
    case redis(command: Expression)
    case sql(statement: Expression)
    case worker(queue: String)
    case exec(program: Expression)
    case log(message: Expression)
  }

  public var kind: Kind
  /// The settings in the braces, such as `headers:` and `body:`.
  public var settings: [ArgumentNode]
  public var range: SourceRange
}

/// A policy for retries, time-outs, limits, signatures or status codes of an action.
public struct PolicyNode: Sendable {
  public enum Kind: Sendable {
    /// A nil count is `forever`.
    case retry(count: Int?, only: [NameNode], backoff: BackoffNode?)
    case timeout(DurationNode)
    /// `limit 10 per 1s`, `limit 10 per 1s per tenant`
    case limit(Int, per: DurationNode, key: Expression?)
    /// `limit 4 at once`, `limit 4 at once per tenant`
    case concurrency(Int, per: Expression?)
    /// `signed env("SECRET")`
    case signed(Expression)
    /// `429 -> BUSY`, `5xx -> UNAVAILABLE`: a class of statuses has the last digits as `xx`.
    case status(class: Int, isWhole: Bool, code: NameNode)

    /// The name of a policy that an action has at most once.
    public var uniqueName: String? {
      switch self {
      case .retry: "retry"
      case .timeout: "timeout"
      case .limit: "limit … per"
      case .concurrency: "limit … at once"
      case .signed: "signed"
      case .status: nil
      }
    }
  }

  public var kind: Kind
  public var range: SourceRange
}

/// `backoff 1s..5m`: from the first wait to the longest.
public struct BackoffNode: Sendable {
  public var first: DurationNode
  public var longest: DurationNode?
}
