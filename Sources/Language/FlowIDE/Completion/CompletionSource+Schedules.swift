// The policies of scheduled starts.
extension CompletionSource {
  /// The clauses that may follow a schedule or a policy; nil outside of a scheduled start.
  func schedulePolicies(after clause: String) -> [CompletionItem]? {
    guard ["cron", "every", "tz", "overlap", "catchup"].contains(clause), let before = wordBeforeSchedule,
      before == "start"
    else { return nil }
    return ((clause == "cron" ? ["tz"] : []) + ["overlap", "catchup", "when", "->", "do"]).map { keyword($0) }
  }

  /// The values of the policy that ends before the cursor; nil if none does.
  func schedulePolicyValues(_ word: String) -> [CompletionItem]? {
    guard wordBeforeSchedule == "start" else { return nil }
    switch word {
    case "overlap": return ["skip", "queue", "replace", "allow"].map { CompletionItem($0, .keyword) }
    case "catchup": return ["none", "one", "all"].map { CompletionItem($0, .keyword) }
    default: return nil
    }
  }

  /// The word before the schedule that the cursor follows.
  private var wordBeforeSchedule: String? {
    var at = context.last
    let open = context.block?.open ?? -1
    while at > open {
      switch context.word(at) {
      case "cron", "every": return context.word(at - 1)
      case "on", "after", "state", "do", "->": return nil
      default: at -= 1
      }
    }
    return nil
  }
}
