public import CEL

/// A compiled program as plain data: the output of `flow compile` and the input of every engine.
///
/// All references are indices: states, events, actions and calls are numbered in the order of the text.
public struct Program: Hashable, Sendable {
  /// The version of this format, `"ir"` in the file.
  public static let format = 1

  public var types: [RecordDeclaration] = []
  public var enums: [EnumDeclaration] = []
  public var roles: [String] = []
  public var events: IndexedList<EventIndex, Event> = []
  public var actions: [Action] = []
  public var flows: IndexedList<FlowIndex, Flow> = []

  public init() {}

  /// The declared types, including the events, as a type registry of CEL.
  public var registry: TypeRegistry {
    var registry = TypeRegistry()
    for declaration in enums { registry.declare(declaration) }
    for declaration in types { registry.declare(declaration) }
    for event in events { registry.declare(event.payload) }
    for action in actions { registry.declare(action.parameters) }
    for flow in flows where flow.isCallable { registry.declare(flow.parameters) }
    return registry
  }
}

extension Program {
  /// The record of the arguments of an action or a flow.
  public func parameters(of target: Call.Target) -> RecordDeclaration {
    switch target {
    case .action(let action): actions[action].parameters
    case .flow(let flow): flows[flow].parameters
    }
  }
}

/// An expression with its text, for explanations at run time.
public struct SourcedExpression: Hashable, Sendable {
  /// The expression as it was written.
  public var text: String
  /// The offset that the ranges of `tree` give to the first byte of `text`.
  public var base: UInt32
  public var tree: TypedExpression

  public init(text: String, base: UInt32, tree: TypedExpression) {
    self.text = text
    self.base = base
    self.tree = tree
  }
}

/// A location in the source, for messages at run time.
public struct SourceLocation: Hashable, Sendable {
  public var file: String
  /// From 1.
  public var line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }
}

/// A message that flows receive or emit.
public struct Event: Hashable, Sendable {
  public var name: String
  /// The record of the payload; it has the name of the event.
  public var payload: RecordDeclaration
  /// The members that are computed from the payload, which is in the slot of `event`.
  public var computed: [ComputedMember]
  /// True when only flows emit or raise it.
  public var isInternal: Bool
  /// The webhook by which other systems deliver it; nil for no webhook.
  public var webhook: Webhook?
  /// The queue of a broker whose messages are this event; nil for no queue.
  public var queue: BrokerQueue?

  public init(
    name: String, payload: RecordDeclaration, computed: [ComputedMember] = [], isInternal: Bool = false,
    webhook: Webhook? = nil, queue: BrokerQueue? = nil
  ) {
    self.name = name
    self.payload = payload
    self.computed = computed
    self.isInternal = isInternal
    self.webhook = webhook
    self.queue = queue
  }
}

/// `from amqp "orders"`: a queue of an AMQP broker; `from redis "orders"`: a stream of Redis.
public struct BrokerQueue: Hashable, Sendable {
  /// A protocol between the engine and brokers.
  public enum Broker: String, Hashable, Sendable, CaseIterable {
    case amqp, redis
  }

  /// The longest name of a queue, in bytes of UTF-8.
  public static let longestName = 255

  public var broker: Broker
  public var name: String

  public init(broker: Broker, name: String) {
    self.broker = broker
    self.name = name
  }

  /// Returns true for a text that can be the name of a queue: not empty, not too long, and without zero bytes.
  public static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= longestName && !text.utf8.contains(0)
  }
}

extension BrokerQueue: CustomStringConvertible {
  /// The broker and the name, such as `amqp orders`.
  public var description: String { "\(broker.rawValue) \(name)" }
}

/// `let pr = repository + "#" + string(number)` in an event.
public struct ComputedMember: Hashable, Sendable {
  public var name: String
  public var value: SourcedExpression
  public var location: SourceLocation

  public init(name: String, value: SourcedExpression, location: SourceLocation) {
    self.name = name
    self.value = value
    self.location = location
  }
}

/// `from webhook { secret env("S") header "X-Signature" hmac sha256 }`
public struct Webhook: Hashable, Sendable {
  public var secret: SourcedExpression
  /// The environment variables that `secret` reads; their slots are the first of its frame.
  public var environment: [String]
  /// The request header that contains the signature.
  public var header: String
  /// The hash of the HMAC; `sha256`.
  public var algorithm: String

  public init(secret: SourcedExpression, environment: [String], header: String, algorithm: String) {
    self.secret = secret
    self.environment = environment
    self.header = header
    self.algorithm = algorithm
  }
}

extension SourceLocation: CustomStringConvertible {
  public var description: String { "\(file):\(line)" }
}
