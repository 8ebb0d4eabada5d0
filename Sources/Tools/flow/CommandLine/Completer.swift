import FlowClient
import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON

/// Proposals for the last word of a command line.
struct Completer {
  /// A proposal, and its description.
  struct Proposal: Equatable {
    var text: String
    var description = ""
  }

  /// The words after the name of the program; the last one is being completed.
  private let words: [String]
  private let current: String

  init(words: [String]) {
    current = words.last ?? ""
    self.words = Array(words.dropLast())
  }

  /// The directive for files and the proposals, one per line, as the scripts of the shells read them.
  var output: String {
    let completion = isOptionName ? .none : completion
    let lines = proposals(for: completion).filter { $0.text.hasPrefix(current) }.map {
      $0.description.isEmpty ? $0.text : "\($0.text)\t\($0.description)"
    }
    return ([Completer.directive(for: completion)] + lines).map { $0 + "\n" }.joined()
  }

  private static func directive(for completion: Completion) -> String {
    switch completion {
    case .flowFiles: ":flows"
    case .files: ":files"
    case .folders: ":folders"
    default: ":none"
    }
  }

  private var command: Command? { words.first.flatMap(FlowCommandLine.command(named:)) }

  /// The kind of value that the last word is.
  private var completion: Completion {
    guard let command else { return .commands }
    if let option = words.dropFirst().last.flatMap(command.option), option.placeholder != nil {
      return option.completion
    }
    if let equals = current.firstIndex(of: "="), let option = command.option(String(current[..<equals])) {
      // Shells complete the whole word, so the proposals repeat the name of the option.
      return .words(proposals(for: option.completion).map { "--\(option.name)=\($0.text)" })
    }
    return command.operandCompletion
  }

  private func proposals(for completion: Completion) -> [Proposal] {
    if isOptionName, let command {
      return command.options.map { Proposal(text: "--\($0.name)", description: $0.help) }
        + [Proposal(text: "--help", description: "show this help")]
    }
    switch completion {
    case .none, .flowFiles, .files, .folders: return []
    case .words(let words): return words.map { Proposal(text: $0) }
    case .rules: return Rule.all.map { Proposal(text: $0.code, description: $0.name) }
    case .commands:
      let commands = words.isEmpty || words == ["help"] ? FlowCommandLine.commands : []
      return commands.map { Proposal(text: $0.name, description: $0.summary) }
    case .flows: return declared { $0.flows.map(\.name) }
    case .states: return declared { $0.flows.flatMap { $0.states.dropFirst().map(\.path) } }
    case .events: return declared { $0.events.map(\.name) }
    case .control: return ControlCompleter(operands: operands).proposals
    }
  }

  /// True when the last word is the beginning of an option, and not the value of the option before it.
  private var isOptionName: Bool {
    guard let command, current.hasPrefix("-"), !current.contains("=") else { return false }
    return words.dropFirst().last.flatMap(command.option)?.placeholder == nil
  }

  /// The operands before the last word.
  private var operands: [String] {
    guard let command else { return [] }
    var operands: [String] = []
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      guard CommandArguments.isOption(word) else {
        operands.append(word)
        continue
      }
      if let option = command.option(word), option.placeholder != nil { rest = rest.dropFirst() }
    }
    return operands
  }

  /// Names that the flows of the command line declare.
  private func declared(_ names: (Program) -> [String]) -> [Proposal] {
    let paths = operands.flatMap { flowFiles(at: $0) ?? [] }
    let programs = FlowCompiler.compilePrograms(paths, load: readSource).compactMap(\.program)
    var seen: Set<String> = []
    return programs.flatMap(names).filter { seen.insert($0).inserted }.map { Proposal(text: $0) }
  }
}

/// Proposals for the operands of `flow ctl`, asked of the server.
struct ControlCompleter {
  let operands: [String]

  /// The operations with the kinds of their operands.
  private static let operations: [(name: String, operands: [Operand])] = [
    ("flows", []), ("stats", []), ("list", [.flow]), ("show", [.flow, .key]), ("why", [.flow, .key]),
    ("history", [.flow, .key]),
    ("send", [.flow, .key, .event]), ("start", [.flow, .event]), ("cancel", [.flow, .key]),
    ("suspend", [.flow, .key]), ("resume", [.flow, .key]), ("retry", [.flow, .key]), ("migrate", [.flow, .key]),
    ("fork", [.flow, .key]), ("drop", [.flow, .key]), ("dead", [.flow]), ("redrive", []), ("dismiss", []),
    ("resolve", []), ("deploy", []), ("tail", [.flow, .key]),
  ]

  private enum Operand { case flow, key, event }

  var proposals: [Completer.Proposal] {
    guard let name = operands.first else { return ControlCompleter.operations.map { .init(text: $0.name) } }
    guard let operation = ControlCompleter.operations.first(where: { $0.name == name }),
      operands.count - 1 < operation.operands.count
    else { return [] }
    switch operation.operands[operands.count - 1] {
    case .flow: return items("/v1/flows") { $0["name"]?.string }
    case .key: return items(flow + "/instances?limit=100") { $0["key"]?.string }
    case .event: return events
    }
  }

  private var flow: String { "/v1/flows/\(operands[1].percentEncoded)" }

  /// The events that the instance accepts now, or those that start the flow.
  private var events: [Completer.Proposal] {
    let names: [String]
    if operands[0] == "start" {
      names = (get(flow)?["events"]?.array ?? []).filter { $0["starts"] == true }.compactMap { $0["name"]?.string }
    } else {
      let instance = get("\(flow)/instances/\(operands[2].percentEncoded)")
      names = (instance?["allowedEvents"]?.array ?? []).compactMap(\.string)
    }
    return names.map { .init(text: $0) }
  }

  private func items(_ path: String, _ name: (JSON) -> String?) -> [Completer.Proposal] {
    (get(path)?["items"]?.array ?? []).compactMap(name).map { .init(text: $0) }
  }

  private func get(_ path: String) -> JSON? {
    let base = Terminal.variable("FLOW_SERVER") ?? CtlOptions.defaultServer
    let client = Client(base: base, key: Terminal.variable("FLOW_TOKEN"))
    guard let answer = try? client.send("GET", to: path), answer.isSuccess else { return nil }
    return answer.json
  }
}
