public import FlowRuntime

/// The location of a store: a PostgreSQL database and a schema in it.
public struct PostgresDatabase: Hashable, Sendable {
  /// The schema of a location that names none.
  public static let defaultSchema = "flow"

  /// The connection string for libpq, without the parameter `schema`.
  let connectionString: String
  /// The schema that contains the tables.
  public let schema: String

  /// Parses a location such as `postgres://flow@db1,db2/flow?schema=orders`.
  /// - Throws: `.unusable` when the text is not a location, or the schema is not a plain lower-case name.
  public init(_ location: String) throws(StoreError) {
    guard PostgresDatabase.isLocation(location) else {
      throw .unusable("`\(location)` is not the location of a PostgreSQL database")
    }
    let parts = location.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var kept: [Substring] = []
    var schema = PostgresDatabase.defaultSchema
    for parameter in parts.dropFirst().first?.split(separator: "&") ?? [] {
      if parameter.hasPrefix("schema=") { schema = String(parameter.dropFirst(7)) } else { kept.append(parameter) }
    }
    guard PostgresDatabase.isPlainName(schema) else {
      throw .unusable("the schema of a store must be a lower-case name of letters, digits and underscores")
    }
    connectionString = String(parts[0]) + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
    self.schema = schema
  }

  /// True for text with the scheme of a PostgreSQL location.
  public static func isLocation(_ text: String) -> Bool {
    text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
  }

  /// The location without its password.
  public var publicText: String {
    let scheme = String(connectionString.prefix { $0 != ":" }) + "://"
    let rest = connectionString.dropFirst(scheme.count).prefix { $0 != "?" }
    let authority = rest.prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@") else { return "\(scheme)\(rest)" }
    let user = authority[..<at].prefix { $0 != ":" }
    return "\(scheme)\(user)\(rest[at...])"
  }

  /// Replaces `@` by the schema, in SQL of this target: `@.journal` is the journal.
  func sql(_ text: String) -> String { text.replacing("@.", with: schema + ".") }

  private static func isPlainName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 63 else { return false }
    let isLetter = { (byte: UInt8) in (0x61...0x7A).contains(byte) || byte == 0x5F }
    return isLetter(first) && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
  }
}
