import FlowIR
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F608: the policies of a start that has no schedule, unknown policies, and those that contradict each other.
  mutating func schedulePolicies(of start: StartNode) -> (overlap: OverlapPolicy, catchUp: CatchUpPolicy) {
    var found = (overlap: OverlapPolicy.allow, catchUp: CatchUpPolicy.one)
    var seen: [SchedulePolicyNode.Kind: SchedulePolicyNode] = [:]
    for policy in start.policies where !policy.value.isMissing {
      let word = policy.kind.rawValue
      if !start.isScheduled {
        problems.append(
          Diagnostic(
            "F608", "`\(word)` belongs to a start by a schedule", at: policy.range, label: "this start has an event",
            help: "each event starts an instance of its own, unless its key is taken; remove it",
            fixes: [Fix("remove it", .safe, [.init(policy.range, "")])]))
        continue
      }
      if let first = seen.updateValue(policy, forKey: policy.kind) {
        problems.append(
          Diagnostic(
            "F608", "`\(word)` is declared twice", at: policy.range, label: "the second one",
            labels: [.init(first.range, "the first one")], help: "remove one of them"))
        continue
      }
      switch policy.kind {
      case .overlap: read(policy, into: &found.overlap, meanings: FlowChecker.overlapMeanings)
      case .catchUp: read(policy, into: &found.catchUp, meanings: FlowChecker.catchUpMeanings)
      }
    }
    if found.catchUp == .all, found.overlap != .allow, let catchUp = seen[.catchUp], let overlap = seen[.overlap] {
      problems.append(
        Diagnostic(
          "F608", "`catchup all` has no effect with `overlap \(found.overlap.rawValue)`", at: catchUp.range,
          label: "the missed runs would overlap", labels: [.init(overlap.range, "permits one run at a time")],
          help: "remove `catchup all`, or `overlap \(found.overlap.rawValue)`",
          fixes: [Fix("remove `catchup all`", .maybe, [.init(catchUp.range, "")])]))
    }
    return found
  }

  private mutating func read<Policy: RawRepresentable<String> & CaseIterable>(
    _ policy: SchedulePolicyNode, into value: inout Policy, meanings: [String: String]
  ) {
    if let known = Policy(rawValue: policy.value.text) {
      value = known
    } else {
      reportUnknown(policy, among: Policy.allCases.map(\.rawValue), meanings: meanings)
    }
  }

  private mutating func reportUnknown(
    _ policy: SchedulePolicyNode, among known: [String], meanings: [String: String]
  ) {
    let word = policy.kind.rawValue
    let list = known.dropLast().map { "`\($0)`" }.joined(separator: ", ") + " and `\(known.last ?? "")`"
    var diagnostic = Diagnostic(
      "F608", "there is no `\(word) \(policy.value.text)`", at: policy.value.range, label: "not a policy",
      help: "the policies are \(list)")
    let written = policy.value.text.lowercased()
    if let meant = meanings[written] ?? Suggestion.closest(to: written, among: known).first {
      diagnostic.help = "did you mean `\(word) \(meant)`? The policies are \(list)"
      diagnostic.fixes = [Fix("write `\(meant)`", .maybe, [.init(policy.value.range, meant)])]
    }
    problems.append(diagnostic)
  }

  /// The names of other schedulers.
  private static let overlapMeanings = [
    "wait": "queue", "buffer": "queue", "buffer_one": "queue", "buffer_all": "queue", "enqueue": "queue",
    "serial": "queue", "forbid": "skip", "drop": "skip", "ignore": "skip", "never": "skip", "none": "skip",
    "no": "skip", "cancel": "replace", "cancel_other": "replace", "terminate": "replace", "terminate_other": "replace",
    "restart": "replace", "kill": "replace", "parallel": "allow", "concurrent": "allow", "allow_all": "allow",
    "all": "allow", "yes": "allow",
  ]

  private static let catchUpMeanings = [
    "skip": "none", "no": "none", "never": "none", "false": "none", "off": "none", "last": "one", "latest": "one",
    "once": "one", "single": "one", "every": "all", "each": "all", "true": "all", "yes": "all",
  ]
}

extension StartNode {
  fileprivate var isScheduled: Bool {
    switch trigger {
    case .every, .cron: true
    case .on, .called: false
    }
  }
}
