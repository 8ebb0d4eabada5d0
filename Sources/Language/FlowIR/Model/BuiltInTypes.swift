/// The names of the built-in records of all programs. They can't be written in a flow.
public enum BuiltInTypes {
  /// `self`: `id`, `state`, `started_at`.
  public static let selfRecord = "flow.Self"
  /// `caller`: `id`, `roles`.
  public static let caller = "flow.Caller"
  /// The arguments of an action or a flow.
  public static func arguments(of name: String) -> String { "flow.Arguments(\(name))" }

  /// `event` in `on x.failed`: `code`, `message`, `attempts`, and the name of the `call`.
  public static let failure = "flow.Failure"

  /// `event` in `on x.item.done`: `index`, and the `result` of what is called.
  ///
  /// - Parameter resultRecord: The record of the results of the call.
  static func item(ofResults resultRecord: String) -> String {
    "flow.Item" + (resultRecord.firstIndex(of: "(").map { resultRecord[$0...] } ?? "")
  }
  /// `event` in `on x.item.failed`: `index`, `code`, `message`, `attempts`.
  public static let itemFailure = "flow.ItemFailure"
}
