public import FlowJSON

/// Which fields of which flows nobody gets to see, and the mask that stands for them.
///
/// A field is masked by its name wherever it stands: in the data, in an event that brought it, in what a step changed.
/// Text that could hold its value is masked as a whole.
public struct Redaction: Sendable {
  static let mask: JSON = "[redacted]"
  /// Members with text that people or programs have made of a flow's data.
  private static let texts: Set<String> = ["text", "message", "reason", "detail", "incident", "why", "outcome"]

  private let fields: [String: Set<String>]
  private let all: Set<String>

  /// - Parameter fields: By the names of flows.
  public init(_ fields: [String: [String]] = [:]) {
    self.fields = fields.mapValues { Set($0) }
    all = Set(fields.values.joined())
  }

  var isEmpty: Bool { all.isEmpty }

  /// A text of which nobody knows whose data is in it.
  public func masked(_ text: String) -> JSON { isEmpty ? .string(text) : Redaction.mask }

  /// A document as it may be shown.
  /// - Parameter flow: Whose data it is; nil when only the document says so.
  func masked(_ json: JSON, of flow: String?) -> JSON {
    isEmpty ? json : mask(json, flow.map { fields[$0] ?? [] })
  }

  /// - Parameter known: What is hidden so far; nil while nothing has said whose data this is.
  private func mask(_ json: JSON, _ known: Set<String>?) -> JSON {
    switch json {
    case .array(let items): return .array(items.map { mask($0, known) })
    case .object(let members):
      // Only the outermost name is surely ours: one within the data can add to what is hidden, not take away.
      let named = Redaction.flow(json).map { fields[$0] ?? [] }
      let known = known.map { $0.union(named ?? []) } ?? named
      let hidden = known ?? all
      if hidden.isEmpty { return .object(members.map { .init($0.name, mask($0.value, known)) }) }
      if let source = json["expression"]?.string, Redaction.mentions(hidden, source) {
        // What the expression came to, and all of its parts, tell of the field.
        return .object([.init("expression", .string(source)), .init("outcome", "redacted")])
      }
      return .object(
        members.map { member in
          let isText = Redaction.texts.contains(member.name) && member.value.string != nil
          return .init(member.name, hidden.contains(member.name) || isText ? Redaction.mask : mask(member.value, known))
        })
    default: return json
    }
  }

  private static func flow(_ json: JSON) -> String? {
    if let name = json["flow"]?.string { return name }
    guard json["specversion"] != nil, let source = json["source"]?.string, source.hasPrefix("/v1/flows/") else {
      return nil
    }
    return String(source.dropFirst("/v1/flows/".count))
  }

  /// Whether a name stands in an expression as a word of its own.
  private static func mentions(_ names: Set<String>, _ source: String) -> Bool {
    let words = source.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    return words.contains { names.contains(String($0)) }
  }
}
