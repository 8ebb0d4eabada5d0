import Synchronization

/// A clock that never goes back: after its source was set back, it runs at half speed until the source has caught up.
///
/// Several processes that serve a store in turn share its time in this way: each begins with the newest instant of its
/// predecessor, and timers, schedules and journal entries stay in order although the clocks differ.
public final class SteadyClock: Sendable {
  private struct State {
    /// The last reading of the source, and the last instant that was returned.
    var source: Int64
    var shown: Int64
    /// The reading and the instant from which on half speed counts.
    var anchor: (source: Int64, shown: Int64)
  }

  private let source: @Sendable () -> Int64
  private let state: Mutex<State>

  /// - Parameter source: A clock in milliseconds since 1970, which may be set.
  public init(_ source: @escaping @Sendable () -> Int64) {
    self.source = source
    let reading = source()
    state = Mutex(State(source: reading, shown: reading, anchor: (reading, reading)))
  }

  /// The current instant, in milliseconds since 1970.
  public func now() -> Int64 { state.withLock { advance(&$0) } }

  /// Continues the time of a predecessor.
  /// - Parameters:
  ///   - instant: Its last known instant.
  ///   - limit: The lead, in milliseconds, above which the instant is taken for an error and ignored.
  /// - Returns: The number of milliseconds by which the instant is ahead of this clock; 0 when it is not.
  public func resume(from instant: Int64, upTo limit: Int64) -> Int64 {
    state.withLock { state in
      let lead = instant - advance(&state)
      guard lead > 0 else { return 0 }
      guard lead <= limit else { return lead }
      state.shown = instant
      state.anchor = (state.source, instant)
      return lead
    }
  }

  private func advance(_ state: inout State) -> Int64 {
    let reading = source()
    if reading < state.source { state.anchor = (reading, state.shown) }
    state.source = reading
    let slowed = state.anchor.shown + (reading - state.anchor.source) / 2
    state.shown = max(state.shown, reading, slowed)
    return state.shown
  }
}
