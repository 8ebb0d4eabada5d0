/// The names of the records that every program has without declaring them. They can't be written in a flow.
public enum BuiltInTypes {
  /// `self`: `id`, `state`, `started_at`.
  public static let selfRecord = "flow.Self"
  /// `caller`: `id`, `roles`.
  public static let caller = "flow.Caller"
  /// `event` in `on x.failed`: `code`, `message`, `attempts`.
  public static let failure = "flow.Failure"

  /// `event` in `on x.done`, and what the name of the call stands for afterwards: `result`.
  public static func result(of action: String) -> String { "flow.Result(\(action))" }
}
