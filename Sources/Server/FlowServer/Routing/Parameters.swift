import CEL
import FlowSource

/// The decoded parameters of a query, with typed accessors that report errors.
struct Parameters: Sendable {
  private var values: [String: String]

  init(_ values: [String: String] = [:]) { self.values = values }

  subscript(_ name: String) -> String? { values[name] }

  /// Rejects unknown parameters: a misspelt `dryRun` would execute the request, and a misspelt filter would select
  /// everything.
  /// - Throws: 400 with a suggestion.
  func check(_ known: [String]) throws(Problem) {
    guard let other = values.keys.filter({ !known.contains($0) }).min() else { return }
    let guess = Suggestion.closest(to: other, among: known).first.map { ", did you mean `\($0)`?" }
    let rest = known.isEmpty ? ": this request takes none" : "; there are \(known.joined(separator: ", "))"
    throw .badRequest("there is no parameter `\(other)`" + (guess ?? rest))
  }

  /// A whole number between bounds.
  func number(_ name: String, default value: Int, in bounds: ClosedRange<Int>) throws(Problem) -> Int {
    guard let text = values[name] else { return value }
    guard !text.hasPrefix("+"), let number = Int(text), bounds.contains(number) else {
      let end = bounds.upperBound == .max ? "on" : "to \(bounds.upperBound)"
      throw .badRequest("`\(name)` must be a whole number from \(bounds.lowerBound) \(end)")
    }
    return number
  }

  /// One of several words; nil without the parameter.
  func choice(_ name: String, _ words: [String]) throws(Problem) -> String? {
    guard let text = values[name] else { return nil }
    guard words.contains(text) else {
      throw .badRequest("there is no \(name) `\(text)`; there are \(words.joined(separator: ", "))")
    }
    return text
  }

  /// `true` or `false`; false without the parameter.
  func flag(_ name: String) throws(Problem) -> Bool { try choice(name, ["true", "false"]) == "true" }

  /// An instant in milliseconds since 1970; nil without the parameter.
  func time(_ name: String) throws(Problem) -> Int64? {
    guard let text = values[name] else { return nil }
    guard let time = Timestamp(text) else {
      throw .badRequest("`\(name)` must be an instant such as 2026-01-31T12:00:00Z")
    }
    return time.seconds * 1000 + Int64(time.nanoseconds / 1_000_000)
  }
}
