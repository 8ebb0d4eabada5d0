/// The way in which independent parts of a computation are distributed. The core starts no threads itself.
public struct Parallelism: Sendable {
  private let perform: @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void

  /// - Parameter perform: Calls a function once for each number below a count, in any order or at the same time, and
  ///   returns when all calls have ended.
  public init(perform: @escaping @Sendable (_ count: Int, _ body: @Sendable (Int) -> Void) -> Void) {
    self.perform = perform
  }

  /// One part after the other.
  public static let none = Parallelism { count, body in for number in 0..<count { body(number) } }

  /// The results of a function for the numbers below a count, in their order.
  public func map<Result: Sendable>(count: Int, _ body: @Sendable (Int) -> Result) -> [Result] {
    let cells = (0..<count).map { _ in Cell<Result>() }
    perform(count) { cells[$0].result = body($0) }
    return cells.compactMap(\.result)
  }

  /// Each is written by one call.
  private final class Cell<Result>: @unchecked Sendable {
    var result: Result?
  }
}
