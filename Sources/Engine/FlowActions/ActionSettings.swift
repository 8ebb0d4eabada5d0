public import FlowIR

/// The permissions of actions on a server, and the external servers that they use.
public struct ActionSettings: Sendable {
  /// The network addresses that actions may call.
  public var reach: NetworkPolicy
  /// The mail server of `mail` actions without a server of their own; nil for none.
  public var mail: MailServer?
  /// The sender address of mails without one of their own.
  public var sender: String?
  /// The folder to which mail is written instead of being sent; nil sends it.
  public var mailFolder: String?
  /// The folder of the programs that `run` actions may execute; nil to allow no programs.
  public var programs: String?
  /// The URL of the broker or database for each binding, by the name of the binding.
  public var servers: [String: String]
  /// The environment variables of programs: `PATH` and `HOME`.
  public var environment: [String: String]
  /// The concurrency limits and circuit breakers of called hosts.
  public var limits: HostLimits

  /// Sets the server of a binding.
  /// - Returns: The form that the URL must have; nil if it has it.
  public mutating func setServer(_ url: String, of kind: Binding.Kind) -> String? {
    let schemes = ServerURL.schemes(of: kind)
    guard ServerURL(url, schemes: Set(schemes)) != nil else { return "\(schemes.first ?? "")://HOST" }
    servers[kind.rawValue] = url
    return nil
  }

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

extension ActionSettings {
  /// The settings on which the effect of a call depends, as text: nodes with the same text may run each other's calls.
  /// It has credentials.
  public var text: String {
    let mailServer = mail.map { [$0.url, $0.user ?? "", $0.password ?? "", $0.authorities ?? ""] } ?? []
    let lines: [[String]] = [
      ["network", reach.allowsPrivate ? "all" : "public"] + reach.hosts.sorted(), ["mail"] + mailServer,
      ["sender", sender ?? ""], ["folder", mailFolder ?? ""], ["programs", programs ?? ""],
      ["servers"] + servers.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] },
    ]
    return lines.map { $0.map { "\($0.utf8.count):\($0)" }.joined(separator: " ") }.joined(separator: "\n")
  }
}

/// The network addresses that actions may call: the public network, and addresses added by the operator.
public struct NetworkPolicy: Sendable {
  /// True if addresses of this machine and of private networks may be called.
  public var allowsPrivate: Bool
  /// Hosts that may be called at any address.
  public var hosts: Set<String>

  public init(allowsPrivate: Bool = false, hosts: Set<String> = []) {
    self.allowsPrivate = allowsPrivate
    self.hosts = Set(hosts.map { NetworkPolicy.plain($0) })
  }

  /// True if a host may be called at any address; otherwise each of its addresses has to be public.
  func allows(_ host: String) -> Bool { allowsPrivate || hosts.contains(NetworkPolicy.plain(host)) }

  private static func plain(_ host: String) -> String {
    var host = host.lowercased()
    host.removeAll { $0 == "[" || $0 == "]" }
    if host.hasSuffix(".") { host.removeLast() }
    return host
  }
}
