/// What the operator of a server allows actions to do, and where they find what they use.
public struct ActionSettings: Sendable {
  /// Which addresses may be called.
  public var reach: NetworkPolicy
  /// Where mail goes that says no server of its own.
  public var mail: MailServer?
  /// Who mail is from that does not say so itself.
  public var sender: String?
  /// The folder of the programs that may be run; nil for none.
  public var programs: String?
  /// Where each kind of broker or database is, by the name of the binding.
  public var servers: [String: String]
  /// What programs get to see: `PATH` and `HOME`.
  public var environment: [String: String]
  /// How callees are spared.
  public var limits: HostLimits

  public init(
    reach: NetworkPolicy = NetworkPolicy(), mail: MailServer? = nil, sender: String? = nil, programs: String? = nil,
    servers: [String: String] = [:], environment: [String: String] = [:], limits: HostLimits = HostLimits()
  ) {
    self.reach = reach
    self.mail = mail
    self.sender = sender
    self.programs = programs
    self.servers = servers
    self.environment = environment
    self.limits = limits
  }
}

/// Which addresses actions may call: those of the public network, and what the operator adds.
public struct NetworkPolicy: Sendable {
  /// True if addresses of this machine and of private networks may be called.
  public var allowsPrivate: Bool
  /// Hosts that may be called wherever they are.
  public var hosts: Set<String>

  public init(allowsPrivate: Bool = false, hosts: Set<String> = []) {
    self.allowsPrivate = allowsPrivate
    self.hosts = Set(hosts.map { NetworkPolicy.plain($0) })
  }

  /// Whether a host may be called wherever it is; else each of its addresses has to be a public one.
  func allows(_ host: String) -> Bool { allowsPrivate || hosts.contains(NetworkPolicy.plain(host)) }

  private static func plain(_ host: String) -> String {
    var host = host.lowercased()
    host.removeAll { $0 == "[" || $0 == "]" }
    if host.hasSuffix(".") { host.removeLast() }
    return host
  }
}
