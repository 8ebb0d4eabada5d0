/// The protection of called hosts: concurrency limits, and circuit breakers for hosts that fail.
public struct HostLimits: Sendable {
  /// The maximum number of concurrent requests to one host.
  public var concurrent: Int
  /// The maximum number of queued requests for one host; further ones are postponed.
  public var waiting: Int
  /// The number of consecutive failures that opens the circuit breaker of a host.
  public var failures: Int
  /// The time for which a breaker stays open at first; it doubles with each further failure.
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

/// Admits requests to hosts: a concurrency limit for each host, and a circuit breaker that opens when the host fails.
struct HostGate {
  /// The maximum number of hosts in memory; idle ones are evicted first.
  static let maximumHosts = 10_000

  enum Admission: Equatable {
    case begin
    case wait
    /// Postponed by this number of milliseconds.
    case postpone(Int64)
  }

  private struct Host {
    var running = 0
    /// Consecutive failures.
    var failures = 0
    /// The end of the open period; nil while the breaker is closed.
    var openUntil: Int64?
    var pause: Int64 = 0
    /// True while the probe request of a half-open breaker is in progress.
    var isProbing = false
  }

  private let limits: HostLimits
  private var hosts: [String: Host] = [:]

  init(_ limits: HostLimits) { self.limits = limits }

  /// Requests admission; a caller that receives `.begin` must call ``end(_:isFailure:at:)``.
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

  /// - Parameter isFailure: True for a failure of the host, false for none; nil when the request does not show either.
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
