import FlowJSON
import FlowSource

/// One line of `flow run`, with its members checked: a member that would be passed over silently could change the
/// meaning of the line.
enum ScriptLine {
  /// An event and its caller.
  struct Event {
    var name: String
    var data: JSON
    var roles: [String]
    var caller: String
    /// The flow that has emitted it; nil for an event from outside.
    var sender: String?
  }

  case event(Event)
  case advance(String)
  case start(JSON)
  case complete(String)
  case fail(String)

  /// The members of each operation beside its own.
  private static let members = [
    "event": ["data", "roles", "caller", "from"], "advance": [], "start": [], "complete": ["result"],
    "fail": ["code", "message"],
  ]
  private static let operations = ["event", "advance", "start", "complete", "fail"]
  private static let hints = ["payload": "the payload is `data`", "role": "roles are a list: `roles`"]

  /// - Parameter location: The line, for messages.
  /// - Throws: `EventScript.Problem` for an unknown or mistyped member, with a suggestion.
  init(_ json: JSON, location: String) throws(EventScript.Problem) {
    guard let given = json.members else {
      throw EventScript.Problem("\(location) is not a JSON object", help: ScriptLine.help)
    }
    guard let operation = ScriptLine.operations.first(where: { json[$0] != nil }) else {
      let names = given.map(\.name)
      let guess = names.lazy.compactMap { ScriptLine.nearest(to: $0, among: ScriptLine.operations) }.first
      throw EventScript.Problem(
        "\(location) has no operation", help: guess.map { "did you mean `\($0)`?" } ?? ScriptLine.help)
    }
    try ScriptLine.check(given, of: operation, location: location)
    switch operation {
    case "event":
      self = .event(
        Event(
          name: try json.text("event", location: location) ?? "", data: json["data"] ?? .object([]),
          roles: try json.texts("roles", location: location), caller: try json.text("caller", location: location) ?? "",
          sender: try json.text("from", location: location)))
    case "advance": self = .advance(try json.text("advance", location: location) ?? "")
    case "start": self = .start(json["start"] ?? .null)
    case "complete": self = .complete(try json.text("complete", location: location) ?? "")
    default:
      for name in ["code", "message"] { _ = try json.text(name, location: location) }
      self = .fail(try json.text("fail", location: location) ?? "")
    }
  }

  private static let help = #"write {"event": "Name", "data": {…}} or {"advance": "3d"}"#

  private static func check(
    _ given: [JSON.Member], of operation: String, location: String
  ) throws(EventScript.Problem) {
    let known = [operation] + (members[operation] ?? [])
    for name in given.map(\.name) {
      if known.contains(name) { continue }
      if operations.contains(name) {
        throw EventScript.Problem(
          "\(location) has two operations, `\(operation)` and `\(name)`", help: "write two lines")
      }
      let list = known.dropFirst().map { "`\($0)`" }.joined(separator: ", ")
      let rest = list.isEmpty ? "`\(operation)` has no other members" : "`\(operation)` can have \(list)"
      let guess = hints[name] ?? nearest(to: name, among: known).map { "did you mean `\($0)`?" }
      throw EventScript.Problem("\(location): there is no member `\(name)`", help: guess ?? rest)
    }
  }

  private static func nearest(to name: String, among known: [String]) -> String? {
    known.first { $0.lowercased() == name.lowercased() } ?? Suggestion.closest(to: name, among: known).first
  }
}

extension JSON {
  /// An optional string.
  fileprivate func text(_ name: String, location: String) throws(EventScript.Problem) -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.string else { throw EventScript.Problem("\(location): `\(name)` must be a string") }
    return text
  }

  /// An optional list of strings.
  fileprivate func texts(_ name: String, location: String) throws(EventScript.Problem) -> [String] {
    guard let value = self[name] else { return [] }
    guard let items = value.array, case let texts = items.compactMap(\.string), texts.count == items.count else {
      throw EventScript.Problem("\(location): `\(name)` must be a list of strings", help: #"write "roles": ["clerk"]"#)
    }
    return texts
  }
}
