/// How callees are spared: how much each gets at once, and how long one that fails is left alone.
public struct HostLimits: Sendable {
  /// How many requests one host gets at once.
  public var concurrent: Int
  /// How many may wait for a host; what comes beyond is put off.
  public var waiting: Int
  /// How many failures in a row it takes until a host is left alone.
  public var failures: Int
  /// How long a host is left alone at first; this doubles each time that it fails again.
  public var pauseMilliseconds: Int64
  public var longestPauseMilliseconds: Int64

  public init(
    concurrent: Int = 16, waiting: Int = 200, failures: Int = 10, pauseMilliseconds: Int64 = 5000,
    longestPauseMilliseconds: Int64 = 60_000
  ) {
    self.concurrent = concurrent
    self.waiting = waiting
    self.failures = failures
    self.pauseMilliseconds = pauseMilliseconds
    self.longestPauseMilliseconds = longestPauseMilliseconds
  }
}

/// Decides which requests may go to which host now: a bound for each host, and a breaker that opens when it fails.
struct HostGate {
  /// Hosts that are remembered; the idle ones go first.
  static let maximumHosts = 10_000

  enum Admission: Equatable {
    case begin
    case wait
    /// Not for so many milliseconds.
    case postpone(Int64)
  }

  private struct Host {
    var running = 0
    /// Failures in a row.
    var failures = 0
    /// Until when it is left alone; nil while the breaker is closed.
    var openUntil: Int64?
    var pause: Int64 = 0
    /// True if the one request is under way that finds out whether it is back.
    var isProbing = false
  }

  private let limits: HostLimits
  private var hosts: [String: Host] = [:]

  init(_ limits: HostLimits) { self.limits = limits }

  /// Asks for a place; whoever gets `.begin` has to ``end(_:isFailure:at:)`` it.
  mutating func ask(_ name: String, at now: Int64) -> Admission {
    var host = hosts[name] ?? Host()
    if let until = host.openUntil {
      if now < until { return .postpone(until - now) }
      if host.isProbing { return .postpone(limits.pauseMilliseconds) }
      host.isProbing = true
    } else if host.running >= limits.concurrent {
      return .wait
    }
    host.running += 1
    hosts[name] = host
    return .begin
  }

  /// - Parameter isFailure: Whether the host, and not only the request, is at fault; nil when nothing was learnt.
  mutating func end(_ name: String, isFailure: Bool?, at now: Int64) {
    guard var host = hosts[name] else { return }
    host.running -= 1
    switch isFailure {
    case nil: host.isProbing = false
    case false?: host = Host(running: host.running)
    case true?:
      host.failures += 1
      if host.isProbing || (host.openUntil == nil && host.failures >= limits.failures) { open(&host, now) }
    }
    hosts[name] = host.running == 0 && host.failures == 0 ? nil : host
    if hosts.count > HostGate.maximumHosts { forget(now) }
  }

  private func open(_ host: inout Host, _ now: Int64) {
    host.isProbing = false
    host.pause = host.pause == 0 ? limits.pauseMilliseconds : min(host.pause * 2, limits.longestPauseMilliseconds)
    host.openUntil = now + host.pause
  }

  private mutating func forget(_ now: Int64) {
    hosts = hosts.filter { $0.value.running > 0 || ($0.value.openUntil ?? 0) > now }
  }
}
