public import FlowJSON
public import FlowMachine

/// The journal entry of a step that this process has executed.
///
/// Most entries are only written and counted, so that their JSON document is created on demand.
public final class StepRecord: Sendable {
  /// The trigger of a step.
  enum Cause: Sendable {
    case event(String, payload: JSON, caller: Caller)
    /// An object with at least one member.
    case other(JSON)
  }

  let cause: Cause
  public let disposition: Step.Disposition
  public let from: [String]
  public let to: [String]
  public let status: InstanceStatus
  public let isCreated: Bool
  /// The start of the instance, in milliseconds since 1970.
  public let startedAt: Int64
  public let microsteps: Int
  /// The changed data.
  let changes: JSON?

  init(_ step: Step, cause: Cause, status: InstanceStatus, isCreated: Bool, changes: JSON?) {
    self.cause = cause
    disposition = step.disposition
    from = step.from
    to = step.to
    self.status = status
    self.isCreated = isCreated
    startedAt = step.next.startedAt
    microsteps = step.microsteps
    self.changes = changes
  }

  /// The name of the event that triggered the step; nil for another trigger.
  public var event: String? {
    guard case .event(let name, _, _) = cause else { return nil }
    return name
  }

  /// The trigger other than an event, such as `{"timer": {…}}`.
  public var origin: JSON? {
    guard case .other(let json) = cause else { return nil }
    return json
  }

  /// The body of the entry.
  /// - Parameter receivers: The receivers of the event, if it reached several flows.
  func json(receivers: JSON?) -> JSON {
    var members = cause.members
    members.append(.init("disposition", .string(disposition.rawValue)))
    members.append(.init("from", .array(from.map { .string($0) })))
    members.append(.init("to", .array(to.map { .string($0) })))
    members.append(.init("status", .string(status.name)))
    if isCreated { members.append(.init("created", true)) }
    if let changes { members.append(.init("changes", changes)) }
    if let receivers { members.append(.init("receivers", receivers)) }
    return .object(members)
  }

  /// Writes ``json(receivers:)`` without creating the document.
  func write(to out: inout [UInt8], receivers: JSON?) {
    cause.write(to: &out)
    out += #","disposition":"#.utf8
    JSON.appendQuoted(disposition.rawValue, to: &out)
    out += #","from":"#.utf8
    write(from, to: &out)
    out += #","to":"#.utf8
    write(to, to: &out)
    out += #","status":"#.utf8
    JSON.appendQuoted(status.name, to: &out)
    if isCreated { out += #","created":true"#.utf8 }
    if let changes {
      out += #","changes":"#.utf8
      changes.write(to: &out)
    }
    if let receivers {
      out += #","receivers":"#.utf8
      receivers.write(to: &out)
    }
    out.append(UInt8(ascii: "}"))
  }

  private func write(_ texts: [String], to out: inout [UInt8]) {
    out.append(UInt8(ascii: "["))
    for index in texts.indices {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      JSON.appendQuoted(texts[index], to: &out)
    }
    out.append(UInt8(ascii: "]"))
  }
}

extension StepRecord.Cause {
  fileprivate var members: [JSON.Member] {
    switch self {
    case .other(let json): return json.members ?? []
    case .event(let name, let payload, let caller):
      var members: [JSON.Member] = [.init("type", .string(name)), .init("data", payload)]
      if !caller.id.isEmpty { members.append(.init("caller", .string(caller.id))) }
      if !caller.roles.isEmpty { members.append(.init("roles", .array(caller.roles.map { .string($0) }))) }
      if let flow = caller.flow { members.append(.init("sender", .string(flow))) }
      return [.init("event", .object(members))]
    }
  }

  /// Writes the object without its closing brace.
  fileprivate func write(to out: inout [UInt8]) {
    guard case .event(let name, let payload, let caller) = self, caller == Caller() else {
      JSON.object(members).write(to: &out)
      out.removeLast()
      return
    }
    out += #"{"event":{"type":"#.utf8
    JSON.appendQuoted(name, to: &out)
    out += #","data":"#.utf8
    payload.write(to: &out)
    out.append(UInt8(ascii: "}"))
  }
}
