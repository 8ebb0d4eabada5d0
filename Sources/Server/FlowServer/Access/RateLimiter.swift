import Synchronization

/// A token bucket for each caller: a number of requests in a second, and as many in a burst after a pause.
final class RateLimiter: Sendable {
  /// The maximum number of distinct callers; full buckets are dropped first.
  static let maximumCallers = 10_000

  private struct Bucket {
    var tokens: Double
    var nanoseconds: UInt64
  }

  private let buckets = Mutex<[String: Bucket]>([:])

  /// Removes the tokens of a request, which may overdraw the bucket: an expensive request delays the next ones.
  /// - Parameter now: Nanoseconds of a monotonic clock.
  /// - Returns: Nil when the request is admitted, otherwise the seconds until one is.
  func wait(for caller: String, rate: Int, cost: Int = 1, now: UInt64) -> Int? {
    buckets.withLock { buckets in
      let rate = Double(rate)
      if buckets[caller] == nil, buckets.count >= RateLimiter.maximumCallers { RateLimiter.forget(&buckets, now) }
      var bucket = buckets[caller] ?? Bucket(tokens: rate, nanoseconds: now)
      let passed = now > bucket.nanoseconds ? Double(now - bucket.nanoseconds) / 1e9 : 0
      bucket.tokens = min(rate, bucket.tokens + passed * rate)
      bucket.nanoseconds = now
      defer { buckets[caller] = bucket }
      guard bucket.tokens >= 1 else { return max(1, Int(((1 - bucket.tokens) / rate).rounded(.up))) }
      bucket.tokens -= Double(cost)
      return nil
    }
  }

  /// A second without a request fills most buckets, so that dropping them has little effect.
  private static func forget(_ buckets: inout [String: Bucket], _ now: UInt64) {
    buckets = buckets.filter { now < $0.value.nanoseconds + 1_000_000_000 }
    if buckets.count >= maximumCallers { buckets.removeAll() }
  }
}
