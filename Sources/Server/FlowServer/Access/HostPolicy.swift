import FlowHTTP

/// The `Host` names that a server accepts, and the origins whose pages may use it.
///
/// A page of another site can resolve its own name to this machine (DNS rebinding); that name is not accepted.
public struct HostPolicy: Sendable {
  private var hosts: Set<String>
  private var origins: Set<String>

  /// - Parameters:
  ///   - hosts: Names in addition to those of the loopback interface; `*` accepts any name.
  ///   - origins: Origins in addition to those of the server itself, such as `https://desk.example`.
  public init(hosts: [String] = [], origins: [String] = []) {
    self.hosts = Set(["localhost", "127.0.0.1", "[::1]"] + hosts.map { HostPolicy.canonical($0) })
    self.origins = Set(origins.map { $0.lowercased() })
  }

  /// - Throws: 421 for a request to another server.
  func checkHost(_ request: HTTPRequest) throws(Problem) {
    if hosts.contains("*") { return }
    let given = request.headers["Host"] ?? ""
    guard let name = HostPolicy.name(of: given), hosts.contains(name), isOwn(target: request.target) else {
      throw Problem(
        .hostNotAllowed, "the host `\(AuditSampler.shortened(given))` is not accepted; `flow serve --host NAME` adds it"
      )
    }
  }

  /// A target in absolute form names the host as well (RFC 9112, 3.2.2).
  private func isOwn(target: String) -> Bool {
    guard !target.hasPrefix("/"), let scheme = target.firstRange(of: "://") else { return true }
    let authority = target[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
    return HostPolicy.name(of: String(authority)).map(hosts.contains) ?? false
  }

  /// The origin of the page that sent a request, if the operator has added it.
  func addedOrigin(_ request: HTTPRequest) -> String? {
    let given = request.headers.values(of: "Origin")
    guard given.count == 1, origins.contains(given[0].lowercased()) else { return nil }
    return given[0]
  }

  /// True if the operator has added origins; responses then depend on the origin.
  var hasAddedOrigins: Bool { !origins.isEmpty }

  /// - Parameter isCheap: True if a page of another site may link to the resource.
  /// - Throws: 403 for a request from a page of another site.
  func checkOrigin(_ request: HTTPRequest, isCheap: Bool) throws(Problem) {
    try checkSite(request, isCheap: isCheap)
    let isReading = request.method == "GET" || request.method == "HEAD"
    guard !isReading || request.isUpgrade else { return }
    let given = request.headers.values(of: "Origin").map { $0.lowercased() }
    if given.isEmpty { return }
    let host = (request.headers["Host"] ?? "").lowercased()
    let isOurs =
      given.count == 1 && (["http://\(host)", "https://\(host)"].contains(given[0]) || origins.contains(given[0]))
    guard isOurs else {
      throw Problem(
        .originNotAllowed,
        "the origin \(AuditSampler.shortened(given.joined(separator: ", "))) is not accepted; "
          + "`flow serve --origin URL` adds it")
    }
  }

  /// Browsers report the site of a request, also for those without `Origin`: an image, a script, a link (Fetch
  /// Metadata). Links to a page are permitted, unless the page is expensive.
  private func checkSite(_ request: HTTPRequest, isCheap: Bool) throws(Problem) {
    guard let site = request.headers["Sec-Fetch-Site"], site == "cross-site" || site == "same-site" else { return }
    if let origin = request.headers["Origin"], origins.contains(origin.lowercased()) { return }
    let isLink = request.headers["Sec-Fetch-Mode"] == "navigate" && request.headers["Sec-Fetch-Dest"] == "document"
    guard request.method == "GET", isLink, isCheap else {
      throw Problem(.originNotAllowed, "a page of another site made this request; `flow serve --origin URL` allows it")
    }
  }

  /// The host of `name:port` or `[address]:port`; nil when it is neither.
  static func name(of authority: String) -> String? {
    // By bytes, because each request has one.
    let bytes = authority.utf8
    var end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
    if bytes.first == UInt8(ascii: "[") {
      guard let last = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      end = bytes.index(after: last)
    }
    if end != bytes.endIndex {
      let port = authority[bytes.index(after: end)...]
      guard bytes[end] == UInt8(ascii: ":"), let number = UInt16(port), String(number) == port else { return nil }
    }
    return end == bytes.startIndex ? nil : canonical(String(authority[..<end]))
  }

  /// Lowercase, without a trailing dot.
  private static func canonical(_ name: String) -> String {
    let name = name.lowercased()
    return name.utf8.count > 1 && name.utf8.last == UInt8(ascii: ".") ? String(name.dropLast()) : name
  }
}
