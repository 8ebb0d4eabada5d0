/// Growing waits between attempts: each is random, between a half and all of a bound that doubles.
struct Backoff {
  /// The first bound, in seconds.
  static let first = 0.5

  /// The longest wait, in seconds.
  let longest: Double
  private var bound = Backoff.first

  init(longest: Double) { self.longest = longest }

  /// The next wait, in seconds.
  /// - Parameter random: A number from 0 up to and without 1.
  mutating func next(random: Double) -> Double {
    defer { bound = min(bound * 2, longest) }
    return bound / 2 + bound / 2 * random
  }

  /// Begins again after a success.
  mutating func reset() { bound = Backoff.first }
}
