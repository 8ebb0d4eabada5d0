import FlowClient
import FlowJSON

/// What `flow ctl` asks a server, and how it says what it heard.
struct CtlCommand {
  let client: Client
  let arguments: CommandArguments
  let isJSON: Bool

  private var words: [String] { arguments.operands }

  func run() throws(Client.Unreachable) -> Int32 {
    switch (words.first, words.count) {
    case ("flows", 1): return try show("/v1/flows", rows: CtlCommand.flow)
    case ("stats", 1): return try show("/v1/stats", rows: nil)
    case ("list", 1...2): return try list()
    case ("dead", 1...2):
      return try show(
        "/v1/dead-letters" + query([("flow", word(1)), ("limit", value("limit"))]), rows: CtlCommand.dead)
    case ("show", 3): return try show(instance, rows: nil)
    case ("history", 3):
      return try show(instance + "/history" + query([("limit", value("limit"))]), rows: CtlCommand.entry)
    case ("send", 4...5): return try event(to: instance + "/events", words[3], word(4))
    case ("start", 3...4): return try event(to: "/v1/flows/\(words[1].percentEncoded)/instances", words[2], word(3))
    case ("cancel", 3), ("suspend", 3), ("resume", 3), ("retry", 3), ("migrate", 3): return try operate()
    case ("fork", 3...4): return try fork()
    case ("redrive", 2...): return try redrive()
    case ("deploy", 2...): return try deploy()
    case ("tail", 1...3): return try tail()
    default:
      Terminal.complain("`flow ctl` does not know what to do with that", help: "see `flow ctl --help`")
      return ExitCode.usage
    }
  }

  // MARK: - Looking

  private func list() throws(Client.Unreachable) -> Int32 {
    let filter = query([
      ("status", value("status")), ("state", value("state")), ("q", value("q")), ("limit", value("limit")),
    ])
    let path = word(1).map { "/v1/flows/\($0.percentEncoded)/instances" } ?? "/v1/instances"
    return try show(path + filter, rows: CtlCommand.summary)
  }

  /// Shows a document, or the items of a list as lines.
  private func show(_ path: String, rows: ((JSON) -> [String])?) throws(Client.Unreachable) -> Int32 {
    let answer = try client.send("GET", to: path)
    guard answer.isSuccess else { return complain(answer) }
    guard !isJSON, let rows else {
      Terminal.output(answer.json.text(.indented) + "\n")
      return ExitCode.fine
    }
    Terminal.output(table((answer.json["items"]?.array ?? []).map(rows)))
    if let next = answer.json["page"]?["next"], next != .null { Terminal.error("there are more: say --limit\n") }
    return ExitCode.fine
  }

  private func tail() throws(Client.Unreachable) -> Int32 {
    let filter = query([("flow", word(1)), ("key", word(2)), ("since", value("since"))])
    let answer = try client.follow("/v1/live" + filter, accept: "text/event-stream") { line in
      guard line.hasPrefix("data:"), let entry = try? JSON(parsing: Array(line.dropFirst(5).utf8)) else { return true }
      Terminal.output(isJSON ? entry.text() + "\n" : CtlCommand.live(entry) + "\n")
      return true
    }
    return answer.isSuccess ? ExitCode.fine : complain(answer)
  }

  // MARK: - Doing

  private func event(to path: String, _ name: String, _ data: String?) throws(Client.Unreachable) -> Int32 {
    guard let payload = try? JSON(parsing: Array((data ?? "{}").utf8)) else {
      Terminal.complain("the data is no JSON", help: #"flow ctl send Order o1 Paid '{"amount": 10}'"#)
      return ExitCode.usage
    }
    let headers = value("key").map { ["Idempotency-Key: \($0)"] } ?? []
    let dry = arguments.has("dry-run") ? "?dryRun=true" : ""
    let body: JSON = ["event": .string(name), "data": payload]
    return tell(try client.send("POST", to: path + dry, body: body.bytes(), headers: headers))
  }

  private func operate() throws(Client.Unreachable) -> Int32 {
    let dry = arguments.has("dry-run") ? "?dryRun=true" : ""
    return tell(try client.send("POST", to: "\(instance)/\(words[0])\(dry)", body: reason.bytes()))
  }

  private func fork() throws(Client.Unreachable) -> Int32 {
    let dry = arguments.has("dry-run") ? "?dryRun=true" : ""
    let key = word(3).map { [JSON.Member("key", .string($0))] } ?? []
    let body = JSON.object(key + (reason.members ?? []))
    return tell(try client.send("POST", to: instance + "/fork" + dry, body: body.bytes()))
  }

  private func redrive() throws(Client.Unreachable) -> Int32 {
    var code = ExitCode.fine
    for id in words.dropFirst() {
      let answer = try client.send(
        "POST", to: "/v1/dead-letters/\(id.percentEncoded)/redrive", body: reason.bytes())
      code = max(code, tell(answer))
    }
    return code
  }

  private func deploy() throws(Client.Unreachable) -> Int32 {
    var code = ExitCode.fine
    for file in words.dropFirst() {
      guard let text = readFile(file) else {
        Terminal.complain("cannot read `\(file)`")
        return ExitCode.usage
      }
      let isIR = !file.hasSuffix(".flow") && text.first == UInt8(ascii: "{")
      guard let flow = isIR ? CtlCommand.flow(ofIR: text) : CtlCommand.flow(ofSource: text) else {
        Terminal.complain("`\(file)` declares no flow")
        return ExitCode.usage
      }
      let dry = arguments.has("dry-run") ? "?dryRun=true" : ""
      let path = "/v1/flows/\(flow.percentEncoded)\(dry)"
      let type = isIR ? "application/json" : "text/x-flow"
      code = max(code, tell(try client.send("PUT", to: path, body: text, type: type)))
    }
    return code
  }

  /// The first flow of a source; the server compiles it.
  private static func flow(ofSource text: [UInt8]) -> String? {
    String(decoding: text, as: UTF8.self).firstMatch(of: /(?m)^flow\s+(\w+)/).map { String($0.1) }
  }

  /// The first flow of what `flow compile` wrote.
  private static func flow(ofIR text: [UInt8]) -> String? {
    (try? JSON(parsing: text))?["flows"]?.array?.first?["name"]?.string
  }

  // MARK: - Saying

  private func tell(_ answer: Client.Response) -> Int32 {
    guard answer.isSuccess else { return complain(answer) }
    Terminal.output(isJSON ? answer.json.text(.indented) + "\n" : CtlCommand.outcome(answer.json) + "\n")
    return ExitCode.fine
  }

  private func complain(_ answer: Client.Response) -> Int32 {
    let problem = answer.json
    if isJSON {
      Terminal.output(problem.text(.indented) + "\n")
    } else {
      let detail = problem["detail"]?.string ?? problem["title"]?.string ?? "status \(answer.status)"
      let allowed = (problem["allowedEvents"]?.array ?? []).compactMap(\.string)
      Terminal.complain(detail, help: allowed.isEmpty ? nil : "it takes \(allowed.joined(separator: ", ")) now")
    }
    return ExitCode.findings
  }

  /// Columns as wide as they have to be.
  private func table(_ rows: [[String]]) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }

  // MARK: - Parts

  private var instance: String { "/v1/flows/\(words[1].percentEncoded)/instances/\(words[2].percentEncoded)" }

  private var reason: JSON { value("reason").map { ["reason": .string($0)] } ?? .object([]) }

  private func word(_ index: Int) -> String? { words.indices.contains(index) ? words[index] : nil }

  private func value(_ option: String) -> String? { arguments.value(option) }

  private func query(_ pairs: [(String, String?)]) -> String {
    let given = pairs.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
    return given.isEmpty ? "" : "?" + given.joined(separator: "&")
  }
}

// What stands in the lines.
extension CtlCommand {
  private static func text(_ json: JSON?) -> String {
    switch json {
    case .string(let text)?: text
    case .array(let items)?: items.compactMap(\.string).joined(separator: " ")
    case let other?: other.text()
    case nil: ""
    }
  }

  private static func columns(_ json: JSON, _ names: String...) -> [String] { names.map { text(json[$0]) } }

  static func flow(_ json: JSON) -> [String] {
    columns(json, "name", "version") + ["starts on " + text(json["startsOn"])]
  }

  static func summary(_ json: JSON) -> [String] {
    columns(json, "flow", "key", "status", "state", "revision", "updatedAt") + [text(json["incident"])]
  }

  static func entry(_ json: JSON) -> [String] { columns(json, "offset", "at", "type") + [story(json["data"] ?? .null)] }

  static func dead(_ json: JSON) -> [String] {
    columns(json, "id", "at", "flow", "key", "action", "code") + [text(json["message"])]
  }

  static func live(_ json: JSON) -> String {
    let event = json["ev"] ?? json
    let place = text(event["source"]).split(separator: "/").last.map(String.init) ?? ""
    let columns = [text(event["id"]), text(event["time"]), place + "/" + text(event["subject"])]
    return (columns + [story(event["data"] ?? .null)]).joined(separator: "  ")
  }

  static func outcome(_ json: JSON) -> String {
    let place = "\(text(json["flow"]))/\(text(json["key"]))"
    let words = ["disposition", "status", "detail"].map { text(json[$0]) }.filter { !$0.isEmpty }
    guard place != "/" else { return json.text() }
    let state = text(json["to"] ?? json["state"])
    return "\(place)  \(words.joined(separator: ", "))" + (state.isEmpty ? "" : ", in \(state)")
  }

  /// What an entry of the journal tells, in a line.
  private static func story(_ data: JSON) -> String {
    guard let to = data["to"] else { return data.text() }
    return "\(cause(data)): \(text(data["from"])) -> \(text(to))"
  }

  private static func cause(_ data: JSON) -> String {
    if let event = data["event"] { return text(event["type"]) }
    if let timer = data["timer"] { return "timer \(text(timer["at"]))" }
    if let deed = data["operator"] { return "operator: \(text(deed["action"]))" }
    if let caller = data["call"] { return "called by \(text(caller))" }
    return ["result", "schedule", "cancelled"].first { data[$0] != nil } ?? ""
  }
}
