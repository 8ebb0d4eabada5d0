import CEL
import FlowCompiler
import FlowDiagnostics
import FlowIDE
import FlowIR
import FlowMachine
import FlowTesting

// Completions at the cursor, best first.
extension Session {
  /// The completions of the last word of a line.
  /// - Parameter line: The line up to the cursor.
  public func completions(of line: String) -> [String] {
    let isCommand = line.hasPrefix(":") && !line.contains(" ")
    let word = isCommand ? line : String(ExpressionCompletion.word(of: line))
    let before = String(line.dropLast(word.count))
    if let members = members(of: word) { return members }
    return candidates(before, line).filter { $0.hasPrefix(word) }
  }

  private func candidates(_ before: String, _ line: String) -> [String] {
    let start = before.trimmed
    if start.isEmpty { return Command.all.map { ":" + $0.name } + ["->", "let "] + names }
    if let event = openEvent(in: start) { return fields(of: event) }
    let words = start.split(separator: " ").map(String.init)
    if words[0] == "->" { return afterEvent(words) }
    guard words[0].hasPrefix(":"), let command = Command.named(String(words[0].dropFirst())) else { return names }
    return operands(of: command.name, words)
  }

  private func operands(of command: String, _ words: [String]) -> [String] {
    let isFirst = words.count == 1
    switch command {
    case "send", "why": return afterEvent(words)
    case "new": return machine?.program.flows.map(\.name) ?? []
    case "complete", "mock", "unmock": return isFirst ? work : names
    case "fail": return isFirst ? work : codes(of: words[1])
    case "path", "never": return states + names + ["--depth "]
    case "advance": return ["next"]
    case "help": return Command.all.map(\.name)
    case "export": return ["test"]
    case "diagram": return ["mermaid", "dot"]
    case "use", "drop": return tracks.map(\.id)
    case "diff", "back", "fork": return steps + (command == "diff" ? tracks.map(\.id) : [])
    case "return": return tracks.isEmpty ? [] : tracks[current].marks.keys.sorted()
    case "set": return isFirst ? Session.settingNames : Session.words(ofSetting: words[1])
    case "forget": return lets.map(\.name)
    case "describe": return declaredNames
    case "explain": return Rule.all.map(\.code)
    case "reload": return ["--fresh"]
    default: return names
    }
  }

  private func afterEvent(_ words: [String]) -> [String] {
    switch words.last {
    case "by", "as": machine?.program.roles ?? []
    default: words.count == 1 ? events : names + ["by ", "as "]
    }
  }

  /// The names of the flow and of its program, for descriptions.
  var declaredNames: [String] {
    guard let run else { return [] }
    let flow = run.program.flows[run.flow]
    let program = run.program
    let all =
      states.map { String($0.split(separator: ".").last ?? "") } + events + flow.fields.map(\.name)
      + flow.definitions.map(\.name) + flow.calls.map(\.name) + program.actions.map(\.name)
      + program.flows.map(\.name) + program.roles
    var seen: Set<String> = []
    return all.filter { seen.insert($0).inserted }
  }

  private var states: [String] {
    machine.map { $0.program.flows[run?.flow ?? 0].states.dropFirst().map(\.path) } ?? []
  }

  private var steps: [String] { run.map { (0...Timeline.number(of: $0)).map { "#\($0)" } } ?? [] }

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

  /// The events that are accepted now, then the others.
  private var events: [String] {
    guard let run, let machine else { return [] }
    let all = machine.program.events.map(\.name)
    let starting = machine.program.flows[run.flow].starts.compactMap(\.event).map { machine.program.events[$0].name }
    let accepted = run.instance.map { run.stepper.acceptedEvents(of: $0) } ?? starting
    return accepted + all.filter { !accepted.contains($0) }
  }

  private var work: [String] {
    guard let run, let machine else { return [] }
    let waiting = run.outstanding.filter(\.isAwaited).map { machine.name(of: $0.job.target) }
    return waiting + machine.program.actions.map(\.name).filter { !waiting.contains($0) }
  }

  private func codes(of name: String) -> [String] {
    guard let run, let machine, let target = machine.target(named: name, flow: run.flow) else { return [] }
    return machine.failureCodes(of: target)
  }

  /// The names in scope of an expression.
  private var names: [String] {
    let given = lets.map(\.name)
    guard let run else { return given }
    let flow = run.program.flows[run.flow]
    let known = flow.fields.map(\.name) + flow.definitions.map(\.name) + flow.calls.map(\.name) + given
    let rest = ExpressionCompletion.names(in: environment(of: run.program, flow: run.flow)).map(\.label)
    return known + rest.filter { !known.contains($0) }
  }

  /// The fields and functions of the value before the last dot of a word, as whole words.
  private func members(of word: String) -> [String]? {
    guard let dot = word.lastIndex(of: "."), dot != word.startIndex, let run else { return nil }
    let operand = String(word[..<dot])
    guard let expression = compileExpression(operand).expression else { return nil }
    let scope = environment(of: run.program, flow: run.flow)
    return ExpressionCompletion.members(of: expression.tree.type, in: scope).map { "\(operand).\($0.label)" }
      .filter { $0.hasPrefix(word) }
  }
}

extension Substring {
  /// The text without trailing white space.
  fileprivate var trimmedEnd: Substring {
    var rest = self
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return rest
  }
}
