import CEL
import FlowIR
import FlowMachine
import FlowSource
import FlowTesting

// What may stand where the cursor is, best first.
extension Session {
  /// The words that could complete the last one of a line.
  /// - Parameter line: The line up to the cursor.
  public func completions(of line: String) -> [String] {
    let word = String(line.reversed().prefix { !Session.ends.contains($0) }.reversed())
    let before = String(line.dropLast(word.count))
    return candidates(before, line).filter { $0.hasPrefix(word) }
  }

  /// Signs that end a word.
  private static let ends: Set<Character> = [" ", "{", "}", "(", ")", ",", "=", "<", ">", "!", "+", "-", "*", "/"]

  private func candidates(_ before: String, _ line: String) -> [String] {
    let start = before.trimmed
    if start.isEmpty { return Session.commands.map { ":" + $0.name } + ["->"] + names }
    if let event = openEvent(in: start) { return fields(of: event) }
    let words = start.split(separator: " ").map(String.init)
    switch words.first {
    case "->", ":send", ":s", ":why": return words.count == 1 ? events : names
    case ":new": return machine?.program.flows.map(\.name) ?? []
    case ":complete", ":mock", ":unmock": return words.count == 1 ? work : names
    case ":fail": return words.count == 1 ? work : codes(of: words[1])
    case ":path": return machine.map { $0.program.flows[run?.flow ?? 0].states.dropFirst().map(\.path) } ?? []
    case ":advance": return ["next"]
    case ":help", ":?": return Session.commands.map(\.name)
    case ":export": return ["test"]
    case ":diagram": return ["mermaid", "dot"]
    default: return names
    }
  }

  /// The event whose braces are open: `Paid{amount: 1, `.
  private func openEvent(in text: String) -> String? {
    guard let open = text.lastIndex(of: "{"), !text[open...].contains("}") else { return nil }
    guard let last = text.last, last == "{" || last == "," else { return nil }
    let name = text[..<open].trimmedEnd.reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
    return String(name.reversed())
  }

  private func fields(of event: String) -> [String] {
    guard let machine, let index = machine.event(named: event) else { return [] }
    return machine.program.events[index].payload.fields.map { $0.name + ": " }
  }

  /// The events that would be taken now, then the others.
  private var events: [String] {
    guard let run, let machine else { return [] }
    let all = machine.program.events.map(\.name)
    let starting = machine.program.flows[run.flow].starts.compactMap(\.event).map { all[$0] }
    let accepted = run.instance.map { run.stepper.acceptedEvents(of: $0) } ?? starting
    return accepted + all.filter { !accepted.contains($0) }
  }

  private var work: [String] {
    guard let run, let machine else { return [] }
    let waiting = run.outstanding.filter(\.isAwaited).map { machine.name(of: $0.job.target) }
    return waiting + machine.program.actions.map(\.name).filter { !waiting.contains($0) }
  }

  private func codes(of name: String) -> [String] {
    guard let run, let machine, let target = target(named: name, run) else { return [] }
    switch target {
    case .action(let action): return machine.program.actions[action].failures
    case .flow(let flow): return machine.program.flows[flow].states.filter { $0.kind == .failed }.map(\.name)
    }
  }

  /// What an expression may name.
  private var names: [String] {
    guard let run, let machine else { return [] }
    let flow = machine.program.flows[run.flow]
    return flow.fields.map(\.name) + flow.definitions.map(\.name) + flow.calls.map(\.name) + ["now", "key"]
  }
}

extension Substring {
  /// Without white space at its end.
  fileprivate var trimmedEnd: Substring {
    var rest = self
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return rest
  }
}
