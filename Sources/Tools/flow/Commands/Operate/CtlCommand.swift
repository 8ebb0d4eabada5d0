import FlowClient
import FlowJSON

/// One call of `flow ctl`: a request to a server, and its response in the terminal.
struct CtlCommand {
  let client: Client
  let arguments: CommandArguments
  let isJSON: Bool

  private var words: [String] { arguments.operands }

  /// - Returns: The exit code.
  func run() throws(Client.Unreachable) -> Int32 {
    switch (words.first, words.count) {
    case ("flows", 1): return try show("/v1/flows", rows: CtlRow.flow)
    case ("stats", 1): return try show("/v1/stats", rows: nil)
    case ("nodes", 1): return try show("/v1/nodes", rows: CtlRow.node)
    case ("list", 1...2): return try list()
    case ("dead", 1...2):
      return try show("/v1/dead-letters" + query([("flow", word(1)), ("limit", limit)]), rows: CtlRow.deadLetter)
    case ("show", 3): return try show(instance, rows: nil)
    case ("why", 3): return try why()
    case ("history", 3): return try show(instance + "/history" + query([("limit", limit)]), rows: CtlRow.entry)
    case ("send", 4...5): return try post(event: words[3], data: word(4), to: instance + "/events")
    case ("start", 3...4):
      return try post(event: words[2], data: word(3), to: "/v1/flows/\(words[1].percentEncoded)/instances")
    case ("cancel", 3), ("suspend", 3), ("resume", 3), ("retry", 3), ("migrate", 3): return try operate()
    case ("fork", 3...4): return try fork()
    case ("drop", 3...4): return try drop()
    case ("redrive", 2...), ("dismiss", 2...), ("resolve", 2...): return try handleDeadLetters()
    case ("deploy", 2...): return try deploy()
    case ("tail", 1...3): return try tail()
    default:
      Terminal.error("unknown operation, or a wrong number of operands", help: "see `flow ctl --help`")
      return ExitCode.usage
    }
  }

  // MARK: - Queries

  private func list() throws(Client.Unreachable) -> Int32 {
    let filter = query([
      ("status", arguments[CtlOptions.status]), ("state", arguments[CtlOptions.state]),
      ("q", arguments[CtlOptions.query]), ("limit", limit),
    ])
    let path = word(1).map { "/v1/flows/\($0.percentEncoded)/instances" } ?? "/v1/instances"
    return try show(path + filter, rows: CtlRow.instance)
  }

  /// Prints a document, or the items of a list as lines.
  private func show(_ path: String, rows: ((JSON) -> [String])?) throws(Client.Unreachable) -> Int32 {
    let answer = try client.send("GET", to: path)
    guard answer.isSuccess else { return printProblem(answer) }
    guard !isJSON, let rows else {
      Terminal.output(answer.json.text(.indented) + "\n")
      return ExitCode.success
    }
    Terminal.output(table((answer.json["items"]?.array ?? []).map(rows)))
    if let next = answer.json["page"]?["next"], next != .null {
      Terminal.errorOutput("there are more rows: increase --limit\n")
    }
    return ExitCode.success
  }

  /// Prints the reason for the state of an instance, its deferred events, and the effect of each event that it accepts.
  private func why() throws(Client.Unreachable) -> Int32 {
    let view = try client.send("GET", to: instance)
    guard view.isSuccess else { return printProblem(view) }
    let transitions = try client.send("GET", to: instance + "/transitions")
    guard transitions.isSuccess else { return printProblem(transitions) }
    let document: JSON = [
      "why": view.json["why"] ?? .null, "deferred": view.json["deferred"] ?? .array([]),
      "events": transitions.json["items"] ?? .array([]),
    ]
    guard !isJSON else {
      Terminal.output(document.text(.indented) + "\n")
      return ExitCode.success
    }
    Terminal.output(CtlRow.printable(document["why"]?.string ?? "") + "\n")
    let deferred = (document["deferred"]?.array ?? []).map { ["deferred"] + CtlRow.deferred($0) }
    let events = (document["events"]?.array ?? []).map(CtlRow.effect)
    Terminal.output(table(deferred) + table(events))
    return ExitCode.success
  }

  private func tail() throws(Client.Unreachable) -> Int32 {
    let filter = query([("flow", word(1)), ("key", word(2)), ("since", arguments[CtlOptions.since])])
    var kind = ""
    let answer = try client.follow("/v1/live" + filter, accept: "text/event-stream") { line in
      if line.hasPrefix("event:") { kind = String(line.dropFirst(6).drop { $0 == " " }) }
      guard line.hasPrefix("data:"), let entry = try? JSON(parsing: Array(line.dropFirst(5).utf8)) else { return true }
      // The first event describes the stream, and is no entry of it.
      if kind == "ready" || kind == "reset" || kind == "bye" { return startOrEnd(of: kind, entry) }
      Terminal.output(isJSON ? entry.text() + "\n" : CtlRow.printable(CtlRow.live(entry)) + "\n")
      return true
    }
    return answer.isSuccess ? ExitCode.success : printProblem(answer)
  }

  /// - Returns: Whether the stream continues.
  private func startOrEnd(of kind: String, _ document: JSON) -> Bool {
    if kind == "reset" {
      let offset = document["offset"]?.int.map { String($0) } ?? "the present"
      Terminal.error(
        "the journal has no entries after this offset, or has archived them",
        help: "the stream starts at offset \(offset)")
    }
    if kind == "bye" { Terminal.error(CtlRow.printable(document["reason"]?.string ?? "the server ended the stream")) }
    return true
  }

  // MARK: - Commands

  private func post(event name: String, data: String?, to path: String) throws(Client.Unreachable) -> Int32 {
    guard let payload = try? JSON(parsing: Array((data ?? "{}").utf8)) else {
      Terminal.error("the data is not JSON", help: #"flow ctl send Order o1 Paid '{"amount": 10}'"#)
      return ExitCode.usage
    }
    var headers = arguments[CtlOptions.key].map { ["Idempotency-Key: \($0)"] } ?? []
    if let caller = arguments[CtlOptions.caller] { headers.append("Flow-Caller: \(caller)") }
    let roles = arguments[CtlOptions.role]
    if !roles.isEmpty { headers.append("Flow-Roles: \(roles.joined(separator: ", "))") }
    let body: JSON = ["event": .string(name), "data": payload]
    return printOutcome(try client.send("POST", to: path + dryRun, body: body.bytes(), headers: headers))
  }

  private func operate() throws(Client.Unreachable) -> Int32 {
    printOutcome(try client.send("POST", to: "\(instance)/\(words[0])\(dryRun)", body: reason.bytes()))
  }

  private func fork() throws(Client.Unreachable) -> Int32 {
    let key = word(3).map { [JSON.Member("key", .string($0))] } ?? []
    let body = JSON.object(key + (reason.members ?? []))
    return printOutcome(try client.send("POST", to: instance + "/fork" + dryRun, body: body.bytes()))
  }

  /// Drops the deferred events of an instance, or those of one name.
  private func drop() throws(Client.Unreachable) -> Int32 {
    let event = word(3).map { [JSON.Member("event", .string($0))] } ?? []
    let body = JSON.object(event + (reason.members ?? []))
    return printOutcome(try client.send("POST", to: instance + "/drop" + dryRun, body: body.bytes()))
  }

  /// Redrives dead letters, or closes them with a reason.
  private func handleDeadLetters() throws(Client.Unreachable) -> Int32 {
    guard words[0] == "redrive" || arguments[CtlOptions.reason] != nil else {
      Terminal.error("`\(words[0])` requires a reason", help: "add --reason TEXT")
      return ExitCode.usage
    }
    var code = ExitCode.success
    for id in words.dropFirst() {
      let answer = try client.send(
        "POST", to: "/v1/dead-letters/\(id.percentEncoded)/\(words[0])", body: reason.bytes())
      code = max(code, printOutcome(answer))
    }
    return code
  }

  private func deploy() throws(Client.Unreachable) -> Int32 {
    var code = ExitCode.success
    for file in words.dropFirst() {
      guard let text = readFile(file) else {
        Terminal.error("cannot read `\(file)`")
        return ExitCode.usage
      }
      let isIR = !file.hasSuffix(".flow") && text.first == UInt8(ascii: "{")
      guard let flow = isIR ? CtlCommand.flow(ofIR: text) : CtlCommand.flow(ofSource: text) else {
        Terminal.error("`\(file)` declares no flow")
        return ExitCode.usage
      }
      let type = isIR ? "application/json" : "text/x-flow"
      let answer = try client.send("PUT", to: "/v1/flows/\(flow.percentEncoded)\(dryRun)", body: text, type: type)
      code = max(code, printOutcome(answer))
    }
    return code
  }

  /// The first flow of a source; the server compiles it.
  private static func flow(ofSource text: [UInt8]) -> String? {
    String(decoding: text, as: UTF8.self).firstMatch(of: /(?m)^flow\s+(\w+)/).map { String($0.1) }
  }

  /// The first flow of the output of `flow compile`.
  private static func flow(ofIR text: [UInt8]) -> String? {
    (try? JSON(parsing: text))?["flows"]?.array?.first?["name"]?.string
  }

  // MARK: - Output

  private func printOutcome(_ answer: Client.Response) -> Int32 {
    guard answer.isSuccess else { return printProblem(answer) }
    Terminal.output(isJSON ? answer.json.text(.indented) + "\n" : CtlRow.printable(CtlRow.outcome(answer.json)) + "\n")
    return ExitCode.success
  }

  private func printProblem(_ answer: Client.Response) -> Int32 {
    let problem = answer.json
    if isJSON {
      Terminal.output(problem.text(.indented) + "\n")
    } else {
      let detail = problem["detail"]?.string ?? problem["title"]?.string ?? "status \(answer.status)"
      let allowed = (problem["allowedEvents"]?.array ?? []).compactMap(\.string)
      let violations = (problem["violations"]?.array ?? []).dropFirst().map { violation in
        "\n  \(violation["pointer"]?.string ?? ""): \(violation["message"]?.string ?? "")"
      }
      Terminal.error(
        CtlRow.printable(detail) + violations.map { "\n" + CtlRow.printable(String($0.dropFirst())) }.joined(),
        help: allowed.isEmpty ? nil : "accepted now: \(allowed.joined(separator: ", "))")
    }
    return ExitCode.findings
  }

  /// Rows with aligned columns.
  private func table(_ documents: [[String]]) -> String {
    let rows = documents.map { $0.map(CtlRow.printable) }
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }

  // MARK: - Parts of requests

  private var instance: String { "/v1/flows/\(words[1].percentEncoded)/instances/\(words[2].percentEncoded)" }

  private var reason: JSON { arguments[CtlOptions.reason].map { ["reason": .string($0)] } ?? .object([]) }

  private var dryRun: String { arguments[CtlOptions.dryRun] ? "?dryRun=true" : "" }

  private var limit: String? { arguments[CtlOptions.limit].map { "\($0)" } }

  private func word(_ index: Int) -> String? { words.indices.contains(index) ? words[index] : nil }

  private func query(_ pairs: [(String, String?)]) -> String {
    let given = pairs.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
    return given.isEmpty ? "" : "?" + given.joined(separator: "&")
  }
}
