import FlowHTTP

/// The names under which a server is asked for, and the pages that may ask it.
///
/// A page of another site can point a name of its own at this machine; that name is not among ours.
public struct HostPolicy: Sendable {
  private var hosts: Set<String>
  private var origins: Set<String>

  /// - Parameter hosts: Names beside those of this machine's loopback; `*` is any name.
  /// - Parameter origins: Origins beside those of the server itself, such as `https://desk.example`.
  public init(hosts: [String] = [], origins: [String] = []) {
    self.hosts = Set(["localhost", "127.0.0.1", "[::1]"] + hosts.map { HostPolicy.canonical($0) })
    self.origins = Set(origins.map { $0.lowercased() })
  }

  /// - Throws: 421 for a request to somebody else.
  func checkHost(_ request: HTTPRequest) throws(Problem) {
    if hosts.contains("*") { return }
    let given = request.headers["Host"] ?? ""
    guard let name = HostPolicy.name(of: given), hosts.contains(name), isOwn(target: request.target) else {
      throw Problem(
        status: 421, code: "host-not-allowed", title: "Misdirected request",
        detail: "this server is not called `\(given)`; `flow serve --host NAME` gives it that name")
    }
  }

  /// A target in absolute form names the host as well (RFC 9112, 3.2.2).
  private func isOwn(target: String) -> Bool {
    guard !target.hasPrefix("/"), let scheme = target.firstRange(of: "://") else { return true }
    let authority = target[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
    return HostPolicy.name(of: String(authority)).map(hosts.contains) ?? false
  }

  /// - Throws: 403 for a request that a page of another site has made.
  func checkOrigin(_ request: HTTPRequest) throws(Problem) {
    let isReading = request.method == "GET" || request.method == "HEAD"
    guard !isReading || request.isUpgrade else { return }
    let given = request.headers.values(of: "Origin").map { $0.lowercased() }
    if given.isEmpty { return }
    let host = (request.headers["Host"] ?? "").lowercased()
    let isOurs =
      given.count == 1 && (["http://\(host)", "https://\(host)"].contains(given[0]) || origins.contains(given[0]))
    guard isOurs else {
      throw Problem(
        status: 403, code: "origin-not-allowed", title: "Forbidden",
        detail: "the origin \(given.joined(separator: ", ")) is not this server")
    }
  }

  /// The host of `name:port` or `[address]:port`; nil when it is neither.
  static func name(of authority: String) -> String? {
    var rest = authority[...]
    let name: Substring
    if rest.hasPrefix("[") {
      guard let end = rest.firstIndex(of: "]") else { return nil }
      name = rest[...end]
      rest = rest[rest.index(after: end)...]
    } else {
      name = rest.prefix { $0 != ":" }
      rest = rest.dropFirst(name.count)
    }
    if !rest.isEmpty {
      guard rest.removeFirst() == ":", let port = UInt16(rest), String(port) == rest else { return nil }
    }
    return name.isEmpty ? nil : canonical(String(name))
  }

  /// Small letters, and no dot at the end.
  private static func canonical(_ name: String) -> String {
    let name = name.lowercased()
    return name.count > 1 && name.hasSuffix(".") ? String(name.dropLast()) : name
  }
}
