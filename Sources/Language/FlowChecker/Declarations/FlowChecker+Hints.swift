import CEL
import FlowSource
import FlowSyntax

// Help for names that other languages have.
extension FlowChecker {
  /// The problem with help for what was probably meant.
  func withHint(_ problem: Diagnostic) -> Diagnostic {
    guard problem.code == "F106", let name = problem.message.split(separator: "`").dropFirst().first.map(String.init),
      let hint = hint(name, isFunction: problem.message.hasPrefix("there is no function"))
    else { return problem }
    var changed = problem
    changed.help = hint
    changed.fixes = []
    return changed
  }

  private func hint(_ name: String, isFunction: Bool) -> String? {
    if isFunction {
      let isAboutState = ["in_state", "inState", "is_in", "isIn", "in", "In", "is_active", "isActive"].contains(name)
      if isAboutState { return "write `active(\"path\")` with the path of a state" }
      let isRemoval = ["remove", "removeKey", "delete", "without", "unset", "pop", "minus"].contains(name)
      return isRemoval
        ? "`held[?key] = optional.none()` removes an entry of a map, and `xs.filter(x, …)` elements of a list" : nil
    }
    if let call = itemCall, let loop = calls[call].node.loop {
      if name == loop.variable.text || ["item", "element"].contains(name) {
        let list = loop.list.dottedName?.joined(separator: ".") ?? "list"
        return "in a reaction to an item, the item is `\(list)[event.index]` and its result `event.result`"
      }
      if name == "index" || name == "result" { return "write `event.\(name)`" }
    }
    switch name {
    case "now" where isInTest:
      return
        "the clock of a test starts at 2026-01-01T00:00:00Z: write an instant, `timestamp(\"2026-01-04T09:00:00Z\")`"
    case "none", "None", "nil", "undefined", "nothing": return "write `optional.none()` for no value"
    case "hour", "minute", "second", "day", "week":
      return "a duration has a number: `\(name == "week" ? "7d" : "1" + name.prefix(1))`"
    case _ where states.contains { $0.name.text == name }:
      return "`\(name)` is a state: `active(\"\(name)\")` is true while it is active"
    default: return nil
    }
  }
}
