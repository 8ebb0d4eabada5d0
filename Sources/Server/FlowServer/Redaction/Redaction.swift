public import FlowIR
public import FlowJSON
import Synchronization

/// The redacted fields of flows, and the mask that replaces their values.
///
/// A field is masked by its name wherever it appears: in the data, in the payload that contained it, in the changes of
/// a step. Names that carry the same value in a program are masked as well (``RedactionOrigins``), and text that could
/// contain a value is masked as a whole.
public struct Redaction: Sendable {
  static let mask: JSON = "[redacted]"
  /// The names of all known programs; copies share it.
  private final class Names: Sendable {
    struct State {
      var programs: [String: Program] = [:]
      var fields: [String: Set<String>]
      var all: Set<String>
      var exposedKeys: Set<String> = []
    }

    let state: Mutex<State>

    init(_ configured: [String: Set<String>]) {
      state = Mutex(State(fields: configured, all: Set(configured.values.joined())))
    }
  }

  /// The fields as the operator has written them, by flow.
  let written: [String: [String]]
  private let configured: [String: Set<String>]
  private let names: Names
  /// True if no field is redacted.
  public let isEmpty: Bool

  /// - Parameter fields: The redacted fields by the names of flows. `asked.token` is the field of a state; fields with
  ///   its name in other states are redacted as well.
  public init(_ fields: [String: [String]] = [:]) {
    written = fields
    configured = fields.mapValues { names in Set(names.map { $0.split(separator: ".").last.map { String($0) } ?? $0 }) }
    names = Names(configured)
    isEmpty = configured.allSatisfy(\.value.isEmpty)
  }

  /// Traces the redacted values through a program, before an instance runs it or a response shows it.
  public func follow(_ program: Program) {
    if isEmpty { return }
    let hash = program.hash
    names.state.withLock { state in
      guard state.programs.updateValue(program, forKey: hash) == nil else { return }
      let origins = RedactionOrigins(configured, in: state.programs.values)
      state.fields = origins.names
      state.exposedKeys = origins.exposedKeys
      state.all = Set(state.fields.values.joined())
    }
  }

  /// The programs through which the values are traced.
  var followed: [Program] { names.state.withLock { Array($0.programs.values) } }

  /// The flows whose keys may contain a redacted value.
  var exposedKeys: Set<String> { names.state.withLock { $0.exposedKeys } }

  /// Text that may contain data of any flow.
  public func masked(_ text: String) -> JSON { isEmpty ? .string(text) : Redaction.mask }

  /// A document with redacted fields masked.
  /// - Parameter flow: The flow of the data; nil when the document itself names it.
  func masked(_ json: JSON, of flow: String?) -> JSON {
    if isEmpty { return json }
    let (fields, all) = names.state.withLock { ($0.fields, $0.all) }
    return Mask(fields: fields, all: all).masked(json, flow.map { fields[$0] ?? [] })
  }
}

/// One pass over a document.
private struct Mask {
  let fields: [String: Set<String>]
  let all: Set<String>
  /// Members with text that people or programs compose of a flow's data.
  private static let texts: Set<String> = ["text", "message", "reason", "detail", "incident", "why", "outcome", "log"]

  /// - Parameter known: The hidden names so far; nil until a flow is known.
  func masked(_ json: JSON, _ known: Set<String>?) -> JSON {
    switch json {
    case .array(let items): return .array(items.map { masked($0, known) })
    case .object(let members):
      // Only the outermost name certainly is the server's: one in the data can add hidden names, not remove them.
      let named = Mask.flow(json).map { fields[$0] ?? [] }
      let known = known.map { $0.union(named ?? []) } ?? named
      let hidden = known ?? all
      if hidden.isEmpty { return .object(members.map { .init($0.name, masked($0.value, known)) }) }
      if let source = json["expression"]?.string, Mask.mentions(hidden, source) {
        // The values of the expression and of its parts reveal the field.
        return .object([.init("expression", .string(source)), .init("outcome", "redacted")])
      }
      return .object(
        members.map { member in
          let isText = Mask.texts.contains(member.name) && member.value.string != nil
          return .init(
            member.name, Mask.isHidden(member.name, hidden) || isText ? Redaction.mask : masked(member.value, known))
        })
    default: return json
    }
  }

  /// Returns true for a hidden name, also of a field of a state: `asked.token`.
  private static func isHidden(_ name: String, _ hidden: Set<String>) -> Bool {
    if hidden.contains(name) { return true }
    guard let dot = name.lastIndex(of: ".") else { return false }
    return hidden.contains(String(name[name.index(after: dot)...]))
  }

  private static func flow(_ json: JSON) -> String? {
    if let name = json["flow"]?.string { return name }
    guard json["specversion"] != nil, let source = json["source"]?.string, source.hasPrefix("/v1/flows/") else {
      return nil
    }
    return String(source.dropFirst("/v1/flows/".count))
  }

  /// Returns true if an expression contains one of the names as a word.
  private static func mentions(_ names: Set<String>, _ source: String) -> Bool {
    let words = source.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    return words.contains { names.contains(String($0)) }
  }
}
