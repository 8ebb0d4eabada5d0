import FlowJSON
import FlowSource

/// One table of a key file, read strictly: a misspelt setting must not grant access.
struct KeyTable {
  private let json: JSON
  /// The prefix of its error messages.
  private let location: String

  init(_ json: JSON, _ location: String) {
    self.json = json
    self.location = location
  }

  static func list(_ json: JSON, _ name: String) throws(KeyFileError) -> [KeyTable] {
    guard let value = json[name] else { return [] }
    guard let items = value.array, items.allSatisfy({ $0.members != nil }) else {
      throw KeyFileError(message: "`\(name)` must be a list of tables: write [[\(name)]]")
    }
    return items.enumerated().map { KeyTable($1, "[[\(name)]] number \($0 + 1): ") }
  }

  func checkNames(_ names: [String]) throws(KeyFileError) {
    guard let members = json.members else { throw KeyFileError(message: "\(location)this is not a table") }
    for member in members where !names.contains(member.name) {
      let guess = Suggestion.closest(to: member.name, among: names).first.map { ", did you mean `\($0)`?" }
      throw KeyFileError(message: "\(location)there is no setting `\(member.name)`" + (guess ?? ""))
    }
  }

  func optionalText(_ name: String) throws(KeyFileError) -> String? {
    guard let value = json[name] else { return nil }
    guard let text = value.string, !text.isEmpty else {
      throw KeyFileError(message: "\(location)`\(name)` must be a string")
    }
    return text
  }

  func text(_ name: String) throws(KeyFileError) -> String {
    guard let text = try optionalText(name) else { throw KeyFileError(message: "\(location)there is no `\(name)`") }
    return text
  }

  func texts(_ name: String) throws(KeyFileError) -> [String]? {
    guard let value = json[name] else { return nil }
    guard let texts = value.array?.compactMap(\.string), texts.count == value.array?.count else {
      throw KeyFileError(message: "\(location)`\(name)` must be a list of strings")
    }
    return texts
  }

  func number(_ name: String, in bounds: ClosedRange<Int>) throws(KeyFileError) -> Int? {
    guard let value = json[name] else { return nil }
    guard let number = value.int, bounds.contains(number) else {
      throw KeyFileError(
        message: "\(location)`\(name)` must be a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return number
  }

  /// The principal that the table describes.
  func principal(named name: String) throws(KeyFileError) -> Principal {
    var scopes: Set<Scope> = []
    for text in try texts("scopes") ?? [] {
      guard let scope = Scope(rawValue: text), scope != .open else {
        throw KeyFileError(
          message: "\(location)there is no scope `\(text)`; there are \(KeyRing.scopeNames.joined(separator: ", "))")
      }
      scopes.insert(scope)
    }
    let flows = try texts("flows").map { Set($0) }
    // A program can read the environment, call hosts, and exchange events with every flow.
    guard flows == nil || !scopes.contains(.deploy) else {
      throw KeyFileError(message: "\(location)the scope `deploy` is trusted with the whole server: remove `flows`")
    }
    return Principal(
      name: name, scopes: scopes, roles: try texts("roles") ?? [], flows: flows,
      rate: try number("rate", in: 1...1_000_000))
  }
}
