import FlowJSON

/// The lines that `flow ctl` prints for documents of the API.
enum CtlRow {
  static func flow(_ json: JSON) -> [String] {
    columns(json, "name", "version") + ["starts on " + text(json["startsOn"])]
  }

  static func node(_ json: JSON) -> [String] {
    let isAlive = json["alive"] == true
    return [text(json["role"]) + (isAlive ? "" : " (not seen)")] + columns(json, "address", "version", "seenAt", "id")
  }

  static func instance(_ json: JSON) -> [String] {
    columns(json, "flow", "key", "status", "state", "revision", "updatedAt") + [text(json["incident"])]
  }

  static func entry(_ json: JSON) -> [String] {
    columns(json, "offset", "at", "type") + [summary(json["data"] ?? .null)]
  }

  static func deferred(_ json: JSON) -> [String] { columns(json, "event", "data") }

  /// The effect that an event would have.
  static func effect(_ json: JSON) -> [String] { columns(json, "event", "would", "to") + [text(json["detail"])] }

  static func deadLetter(_ json: JSON) -> [String] {
    // A message of a broker has a queue and an event instead of an instance and an action.
    let names = json["queue"] == nil ? ["flow", "key", "action"] : ["queue", "messageId", "event"]
    return columns(json, "id", "at") + names.map { text(json[$0]) } + columns(json, "code") + [text(json["message"])]
  }

  /// An entry of the live stream.
  static func live(_ json: JSON) -> String {
    let event = json["ev"] ?? json
    let flow = text(event["source"]).split(separator: "/").last.map(String.init) ?? ""
    let columns = [text(event["id"]), text(event["time"]), flow + "/" + text(event["subject"])]
    return (columns + [summary(event["data"] ?? .null)]).joined(separator: "  ")
  }

  /// The result of an event or an operation.
  static func outcome(_ json: JSON) -> String {
    let instance = "\(text(json["flow"]))/\(text(json["key"]))"
    let words = ["disposition", "status", "detail"].map { text(json[$0]) }.filter { !$0.isEmpty }
    guard instance != "/" else { return json.text() }
    let state = text(json["to"] ?? json["state"])
    return "\(instance)  \(words.joined(separator: ", "))" + (state.isEmpty ? "" : ", in \(state)")
  }

  /// Text without control characters, which could move the cursor of a terminal or change its state: they are shown
  /// as escapes.
  static func printable(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    if isPlain { return text }
    return text.unicodeScalars.map { scalar in
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      return isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }.joined()
  }

  private static func text(_ json: JSON?) -> String {
    switch json {
    case .string(let text)?: text
    case .array(let items)?: items.compactMap(\.string).joined(separator: " ")
    case let other?: other.text()
    case nil: ""
    }
  }

  private static func columns(_ json: JSON, _ names: String...) -> [String] { names.map { text(json[$0]) } }

  /// The data of a journal entry on one line.
  private static func summary(_ data: JSON) -> String {
    guard let to = data["to"] else { return data.text() }
    return "\(cause(data)): \(text(data["from"])) -> \(text(to))"
  }

  private static func cause(_ data: JSON) -> String {
    if let event = data["event"] { return text(event["type"]) }
    if let timer = data["timer"] { return "timer \(text(timer["at"]))" }
    if let operation = data["operator"] { return "operator: \(text(operation["action"]))" }
    if let caller = data["call"] { return "called by \(text(caller))" }
    return ["result", "schedule", "cancelled"].first { data[$0] != nil } ?? ""
  }
}
