/// Who asks, and what he may do.
struct Principal: Sendable, Equatable {
  var name: String
  var scopes: Set<Scope>
  /// The flow's own roles, for `by`.
  var roles: [String]
  /// The flows that he may know of; nil for all.
  var flows: Set<String>?
  /// The most requests in a second; nil for any number.
  var rate: Int?
  /// When he has to show again who he is, in milliseconds since 1970.
  var expires: Int64?

  func sees(_ flow: String) -> Bool { flows?.contains(flow) ?? true }

  func may(_ scope: Scope) -> Bool { scope == .open || scopes.contains(scope) }

  /// Whoever reaches a server without keys: this machine alone, or what `--insecure` lets in.
  static let anyone = Principal(name: "", scopes: Set(Scope.allCases), roles: [])
}

/// Why a caller is not believed.
struct InvalidToken: Error, Equatable {
  var message: String
}
