import FlowJSON
import FlowSource

/// One table of a file with keys, read strictly: a misspelt setting must not open a door.
struct KeyTable {
  private let json: JSON
  /// What it is called when something is wrong with it.
  private let place: String

  init(_ json: JSON, _ place: String) {
    self.json = json
    self.place = place
  }

  static func list(_ json: JSON, _ name: String) throws(KeyFileError) -> [KeyTable] {
    guard let value = json[name] else { return [] }
    guard let items = value.array, items.allSatisfy({ $0.members != nil }) else {
      throw KeyFileError(message: "`\(name)` is a list of tables: write [[\(name)]]")
    }
    return items.enumerated().map { KeyTable($1, "[[\(name)]] number \($0 + 1): ") }
  }

  func knows(_ names: [String]) throws(KeyFileError) {
    guard let members = json.members else { throw KeyFileError(message: "\(place)this is no table") }
    for member in members where !names.contains(member.name) {
      let guess = Suggestion.closest(to: member.name, among: names).first.map { ", did you mean `\($0)`?" }
      throw KeyFileError(message: "\(place)there is no setting `\(member.name)`" + (guess ?? ""))
    }
  }

  func optionalText(_ name: String) throws(KeyFileError) -> String? {
    guard let value = json[name] else { return nil }
    guard let text = value.string, !text.isEmpty else {
      throw KeyFileError(message: "\(place)`\(name)` is a text between quotes")
    }
    return text
  }

  func text(_ name: String) throws(KeyFileError) -> String {
    guard let text = try optionalText(name) else { throw KeyFileError(message: "\(place)there is no `\(name)`") }
    return text
  }

  func texts(_ name: String) throws(KeyFileError) -> [String]? {
    guard let value = json[name] else { return nil }
    guard let texts = value.array?.compactMap(\.string), texts.count == value.array?.count else {
      throw KeyFileError(message: "\(place)`\(name)` is a list of texts")
    }
    return texts
  }

  func number(_ name: String, in bounds: ClosedRange<Int>) throws(KeyFileError) -> Int? {
    guard let value = json[name] else { return nil }
    guard let number = value.int, bounds.contains(number) else {
      throw KeyFileError(
        message: "\(place)`\(name)` is a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return number
  }

  /// Who the table says that somebody is.
  func principal(named name: String) throws(KeyFileError) -> Principal {
    var scopes: Set<Scope> = []
    for text in try texts("scopes") ?? [] {
      guard let scope = Scope(rawValue: text), scope != .open else {
        throw KeyFileError(
          message: "\(place)there is no scope `\(text)`; there are \(KeyRing.scopeNames.joined(separator: ", "))")
      }
      scopes.insert(scope)
    }
    return Principal(
      name: name, scopes: scopes, roles: try texts("roles") ?? [], flows: try texts("flows").map { Set($0) },
      rate: try number("rate", in: 1...1_000_000))
  }
}
