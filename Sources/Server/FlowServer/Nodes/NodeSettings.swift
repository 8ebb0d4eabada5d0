import FlowCrypto
public import FlowJSON

/// The settings of a node for actions. Nodes compare digests of them under their secret, so that a node runs calls of
/// the owner only with the same credentials, and neither sends any.
public struct NodeSettings: Sendable {
  /// The settings that another node names in a request for calls.
  struct Offer: Sendable {
    /// The digest of its options.
    var settings: String
    /// The digests of variables of its environment; nil for one that is not set.
    var variables: [String: String?]
    /// The hashes of programs that it can't run.
    var excluded: Set<String>

    /// The variables that it knows to matter.
    var known: Set<String> { Set(variables.keys) }

    init(_ json: JSON) {
      settings = json["settings"]?.string ?? ""
      let members = json["variables"]?.members ?? []
      variables = Dictionary(members.map { ($0.name, $0.value.string) }, uniquingKeysWith: { first, _ in first })
      excluded = Set((json["except"]?.array ?? []).compactMap(\.string))
    }
  }

  /// The digest of the options.
  let digest: String
  private let secret: [UInt8]
  private let variable: @Sendable (String) -> String?

  /// - Parameters:
  ///   - text: The options for actions.
  ///   - secret: The secret of the nodes.
  ///   - variable: A variable of the environment.
  public init(_ text: String, secret: [UInt8], variable: @escaping @Sendable (String) -> String?) {
    self.secret = secret
    self.variable = variable
    digest = NodeSettings.digest(of: text, kind: "settings", secret: secret)
  }

  private static func digest(of text: String, kind: String, secret: [UInt8]) -> String {
    Digest(of: hmac(of: Array("flow \(kind)\n\(text)".utf8), secret: secret)).hexadecimal
  }

  /// The members of a request for calls.
  /// - Parameters:
  ///   - names: The variables that the owner has named.
  ///   - excluded: The hashes of programs that this node can't run.
  public func members(variables names: Set<String>, except excluded: Set<String>) -> [JSON.Member] {
    let variables = names.sorted().map { JSON.Member($0, digest(ofVariable: $0).map { .string($0) } ?? .null) }
    return [
      .init("settings", .string(digest)), .init("variables", .object(variables)),
      .init("except", .array(excluded.sorted().map { .string($0) })),
    ]
  }

  /// The variables that have the same value here and there.
  func equalVariables(_ offer: Offer) -> Set<String> {
    Set(offer.variables.filter { $0.value != nil && $0.value == digest(ofVariable: $0.key) }.keys)
  }

  private func digest(ofVariable name: String) -> String? {
    variable(name).map { NodeSettings.digest(of: $0, kind: "variable \(name)", secret: secret) }
  }
}
