import CEL
import FlowJSON
import FlowRuntime
import FlowSource

/// The entries that a subscriber selects.
struct LiveFilter: Sendable {
  var flow: String?
  var key: String?
  /// The event of a step, or the emitted event.
  var event: String?
  /// The kind of the entry: `step`, `emit`, …
  var kind: String?
  var condition: Predicate?
  /// The kinds of entries, and of changes of the served flows.
  private static let kinds = JournalEntry.Kind.allCases.map(\.rawValue) + FlowChange.Kind.allCases.map(\.rawValue)
  /// True if the condition may read the data of the instance, which costs a query.
  private(set) var readsInstance = false
  /// The flows that the listener may see; nil for all.
  var visible: Set<String>?
  /// The read rules for the listener; nil for all instances.
  var access: ReadAccess?

  init(flow: String? = nil, key: String? = nil, event: String? = nil, kind: String? = nil, filter: String? = nil)
    throws(Problem)
  {
    // A misspelt kind would select nothing.
    if let kind, !LiveFilter.kinds.contains(kind) {
      let guess = Suggestion.closest(to: kind, among: LiveFilter.kinds).first.map { ", did you mean `\($0)`?" }
      let rest = "; the kinds are \(LiveFilter.kinds.joined(separator: ", "))"
      throw .badRequest("there is no kind `\(kind)`" + (guess ?? rest))
    }
    self.flow = flow
    self.key = key
    self.event = event
    self.kind = kind
    if let filter {
      condition = try Predicate(
        filter, parameter: "filter", variables: LiveFilter.variables, types: TypeRegistry())
      readsInstance = filter.contains("instance")
    }
  }

  /// - Parameter text: Returns the value of a member by its name.
  init(reading text: (String) -> String?) throws(Problem) {
    try self.init(
      flow: text("flow"), key: text("key"), event: text("event"), kind: text("type"), filter: text("filter"))
  }

  private static let variables: [(name: String, type: ValueType)] = [
    ("flow", .string), ("key", .string), ("type", .string), ("event", .string), ("revision", .int), ("offset", .int),
    ("at", .timestamp), ("data", .map(.string, .dyn)), ("instance", .map(.string, .dyn)),
  ]

  /// - Parameters:
  ///   - test: An evaluator of ``condition``; nil without a condition.
  ///   - instanceData: Returns the current data of the instance, as the subscriber may see it.
  func admits(_ entry: JournalEntry, _ test: Predicate.Test?, instanceData: () -> JSON?) -> Bool {
    selects(entry) && (test.map { holds(entry, $0, instanceData: instanceData) } ?? true)
  }

  /// Returns true if an entry has what the filter names, whatever its condition.
  func selects(_ entry: JournalEntry) -> Bool {
    (visible?.contains(entry.flow) ?? true) && (flow == nil || flow == entry.flow) && (key == nil || key == entry.key)
      && (kind == nil || kind == entry.kind.rawValue) && (event == nil || event == entry.event)
  }

  /// Evaluates the condition for an entry that ``selects(_:)`` admits.
  private func holds(_ entry: JournalEntry, _ test: Predicate.Test, instanceData: () -> JSON?) -> Bool {
    let instance = readsInstance ? instanceData() ?? .object([]) : .object([])
    guard let data = LiveFilter.map(entry.body), let instance = LiveFilter.map(instance) else { return false }
    return test.holds([
      .string(entry.flow), .string(entry.key), .string(entry.kind.rawValue), .string(entry.event ?? ""),
      .int(Int64(entry.revision)), .int(entry.sequence), .timestamp(Timestamp(milliseconds: entry.at)), data, instance,
    ])
  }

  /// The entry without values of other instances that the subscriber may not read: the refusal of an emitted event by
  /// a receiver, and the other receivers of an event.
  /// - Returns: Nil for an entry that is shown as it is.
  func restricted(_ entry: JournalEntry) -> JournalEntry? {
    guard access != nil || visible != nil, let members = entry.body.members else { return nil }
    var shown: [JSON.Member]
    switch entry.kind {
    case .undelivered:
      guard let flow = entry.body["flow"]?.string, !mayRead(flow) else { return nil }
      shown = members.filter { $0.name == "event" || $0.name == "flow" && sees(flow) }
    case .step:
      guard let receivers = entry.body["receivers"]?.array else { return nil }
      let known = receivers.filter { $0["flow"]?.string.map { $0 == entry.flow || mayRead($0) } ?? false }
      guard known.count < receivers.count else { return nil }
      shown = members.map { $0.name == "receivers" ? .init("receivers", .array(known)) : $0 }
    default: return nil
    }
    var restricted = entry
    restricted.body = .object(shown)
    return restricted
  }

  private func sees(_ flow: String) -> Bool { visible?.contains(flow) ?? true }

  /// Returns true if the subscriber may read every instance of a flow.
  private func mayRead(_ flow: String) -> Bool { sees(flow) && access?.admitsAll(flow: flow) ?? true }

  private static func map(_ json: JSON) -> Value? {
    guard case .success(let value) = Value.from(json, as: .map(.string, .dyn), in: TypeRegistry()) else { return nil }
    return value
  }

  /// True if the subscriber is to know of a change of a served flow. Conditions are over entries of instances only.
  func admitsChange(of flow: String, kind: FlowChange.Kind) -> Bool {
    (visible?.contains(flow) ?? true) && (self.flow == nil || self.flow == flow) && key == nil && event == nil
      && condition == nil && (self.kind == nil || self.kind == kind.rawValue)
  }
}

extension JournalEntry {
  /// The event that a step processed, or the emitted or refused event.
  var event: String? { kind == .emit || kind == .refused ? body["type"]?.string : body["event"]?["type"]?.string }

  /// The entry as a CloudEvent (CloudEvents 1.0, JSON format).
  var cloudEvent: JSON {
    [
      "specversion": "1.0", "id": .string(String(sequence)), "type": .string("flow.\(kind.rawValue).v1"),
      "source": .string("/v1/flows/\(flow.percentEncoded)"), "subject": .string(key), "time": .string(timeText(at)),
      "revision": .int(Int64(revision)), "data": published,
    ]
  }

  /// The body for readers of the instance: the other receivers of its event may be hidden from them.
  private var published: JSON {
    guard kind == .step, body["receivers"] != nil else { return body }
    return .object((body.members ?? []).filter { $0.name != "receivers" })
  }
}
