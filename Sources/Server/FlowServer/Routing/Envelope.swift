import FlowJSON
import FlowSource

// Strict parsing of JSON bodies and messages: a silently ignored member could change the meaning of a request, so that
// it is an error.
extension JSON {
  /// Rejects unknown members.
  /// - Parameter hints: The names here for names of other APIs.
  /// - Throws: 400 with a suggestion.
  func checkMembers(_ known: [String], hints: [String: String] = [:]) throws(Problem) {
    guard let members else { throw .badRequest("the body must be a JSON object") }
    for member in members where !known.contains(member.name) {
      throw .badRequest(JSON.unknownMember(AuditSampler.shortened(member.name), known: known, hints: hints))
    }
  }

  private static func unknownMember(_ name: String, known: [String], hints: [String: String]) -> String {
    if let hint = hints[name] { return "there is no member `\(name)`; \(hint)" }
    let guess =
      known.first { $0.lowercased() == name.lowercased() } ?? Suggestion.closest(to: name, among: known).first
    let rest = known.isEmpty ? "; there are none" : "; the members are \(known.joined(separator: ", "))"
    return "there is no member `\(name)`" + (guess.map { ", did you mean `\($0)`?" } ?? rest)
  }

  /// An optional string.
  /// - Throws: 400 for a value of another type.
  func text(_ name: String) throws(Problem) -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.string else { throw .badRequest("`\(name)` must be a string, not \(value.typeName)") }
    return text
  }

  /// An optional whole number.
  /// - Throws: 400 for a value of another type.
  func integer(_ name: String) throws(Problem) -> Int? {
    guard let value = self[name] else { return nil }
    guard let number = value.int else { throw .badRequest("`\(name)` must be a whole number, not \(value.typeName)") }
    return number
  }

  /// The type of a value, with its article.
  fileprivate var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .int, .uint, .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
