public import FlowSource

/// A declared or predefined thing that a name may mean.
public enum Entity: Hashable, Sendable {
  case type(String)
  case enumeration(String)
  case enumValue(String, of: String)
  case constant(String)
  case function(String)
  case role(String)
  /// An event; one of a flow has the name `Flow.Event`.
  case event(String)
  case action(String)
  case flow(String)
  /// A field of a type or an event.
  case field(String, of: String)
  /// A parameter of a function or an action.
  case parameter(String, of: Callable)
  /// A state by its path.
  case state(String, flow: String)
  /// A data field or a parameter of a flow.
  case data(String, flow: String)
  /// A field of a state, by the path of the state.
  case stateField(String, state: String, flow: String)
  case definition(String, flow: String)
  case call(String, flow: String)
  /// A failure code of an action.
  case failure(String, of: String)
  /// A variable of a macro or a loop, by the offset of its declaration.
  case local(String, file: String, offset: UInt32)
  /// The name of an imported file.
  case alias(String, file: String)
  case file(String)
  /// A name of every flow, such as `now` and `event`.
  case predefined(String)
  /// A function of the expression language.
  case library(String)
  /// A field of a predefined record, or the result of a call.
  case predefinedField(String, of: String)

  public enum Callable: Hashable, Sendable {
    case function(String)
    case action(String)
  }

  /// The name without what contains it.
  public var name: String {
    switch self {
    case .type(let name), .enumeration(let name), .enumValue(let name, _), .constant(let name), .function(let name),
      .role(let name), .action(let name), .flow(let name), .field(let name, _), .parameter(let name, _),
      .data(let name, _), .stateField(let name, _, _), .definition(let name, _), .call(let name, _),
      .failure(let name, _), .local(let name, _, _),
      .alias(let name, _), .file(let name), .predefined(let name), .library(let name), .predefinedField(let name, _):
      name
    case .event(let name), .state(let name, _): String(name.split(separator: ".").last ?? "")
    }
  }

  /// The flow that contains the entity; nil for one outside of flows.
  var flow: String? {
    switch self {
    case .state(_, let flow), .data(_, let flow), .stateField(_, _, let flow), .definition(_, let flow),
      .call(_, let flow):
      flow
    default: nil
    }
  }

  /// False for names that no file declares.
  public var isDeclared: Bool {
    switch self {
    case .predefined, .library, .predefinedField, .file: false
    default: true
    }
  }
}

/// A location at which an entity is named.
public struct Occurrence: Hashable, Sendable {
  public enum Access: Hashable, Sendable { case declaration, read, write }

  public var range: SourceRange
  public var entity: Entity
  public var access: Access

  public init(of entity: Entity, at range: SourceRange, access: Access) {
    self.range = range
    self.entity = entity
    self.access = access
  }
}

/// The declaration of an entity.
public struct DeclaredEntity: Hashable, Sendable {
  public var entity: Entity
  /// The name.
  public var location: Place
  /// The whole declaration.
  public var range: SourceRange
  /// The declaration in short, as it is written in a flow.
  public var signature: String
  /// The text of the `///` comment.
  public var documentation: String
}
