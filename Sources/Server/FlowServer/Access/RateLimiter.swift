import Synchronization

/// Lets each caller have so many requests in a second, and as many at once after a pause.
final class RateLimiter: Sendable {
  /// How many callers are remembered; those with all of their requests left are forgotten first.
  static let maximumCallers = 10_000

  private struct Bucket {
    var tokens: Double
    var nanoseconds: UInt64
  }

  private let buckets = Mutex<[String: Bucket]>([:])

  /// - Returns: Nil when the request may go on, else after how many seconds one may.
  func take(_ caller: String, rate: Int, now: UInt64) -> Int? {
    buckets.withLock { buckets in
      let rate = Double(rate)
      if buckets[caller] == nil, buckets.count >= RateLimiter.maximumCallers { RateLimiter.forget(&buckets, now) }
      var bucket = buckets[caller] ?? Bucket(tokens: rate, nanoseconds: now)
      let passed = now > bucket.nanoseconds ? Double(now - bucket.nanoseconds) / 1e9 : 0
      bucket.tokens = min(rate, bucket.tokens + passed * rate)
      bucket.nanoseconds = now
      defer { buckets[caller] = bucket }
      guard bucket.tokens >= 1 else { return max(1, Int(((1 - bucket.tokens) / rate).rounded(.up))) }
      bucket.tokens -= 1
      return nil
    }
  }

  /// A second without a request fills every bucket, so that nothing is lost by forgetting it.
  private static func forget(_ buckets: inout [String: Bucket], _ now: UInt64) {
    buckets = buckets.filter { now < $0.value.nanoseconds + 1_000_000_000 }
    if buckets.count >= maximumCallers { buckets.removeAll() }
  }
}
