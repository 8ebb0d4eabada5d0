public import FlowJSON
import FlowMachine

/// What the journal says of a step that this process has made.
///
/// A document is made of it for those who look into it; most entries are written, counted, and read by nobody.
public final class StepRecord: Sendable {
  /// What set a step off.
  enum Cause: Sendable {
    case event(String, payload: JSON, caller: Caller)
    /// An object with a member or more.
    case other(JSON)
  }

  let cause: Cause
  public let disposition: String
  public let from: [String]
  public let to: [String]
  public let status: String
  public let isCreated: Bool
  /// When the instance began, in milliseconds since 1970.
  public let startedAt: Int64
  public let microsteps: Int
  /// The data that is new.
  let changes: JSON?

  init(_ cause: Cause, _ step: Step, status: String, isCreated: Bool, changes: JSON?) {
    self.cause = cause
    disposition = step.disposition.rawValue
    from = step.from
    to = step.to
    self.status = status
    self.isCreated = isCreated
    startedAt = step.next.startedAt
    microsteps = step.microsteps
    self.changes = changes
  }

  /// The name of the event that set the step off; nil for anything else.
  public var event: String? {
    guard case .event(let name, _, _) = cause else { return nil }
    return name
  }

  /// What set the step off when it was no event, such as `{"timer": {…}}`.
  public var origin: JSON? {
    guard case .other(let json) = cause else { return nil }
    return json
  }

  /// The body of the entry.
  var json: JSON {
    var members = cause.members
    members.append(.init("disposition", .string(disposition)))
    members.append(.init("from", .array(from.map { .string($0) })))
    members.append(.init("to", .array(to.map { .string($0) })))
    members.append(.init("status", .string(status)))
    if isCreated { members.append(.init("created", true)) }
    if let changes { members.append(.init("changes", changes)) }
    return .object(members)
  }

  /// Writes what ``json`` would, without making it.
  func write(to out: inout [UInt8]) {
    cause.write(to: &out)
    out += #","disposition":"#.utf8
    JSON.appendQuoted(disposition, to: &out)
    out += #","from":"#.utf8
    write(from, to: &out)
    out += #","to":"#.utf8
    write(to, to: &out)
    out += #","status":"#.utf8
    JSON.appendQuoted(status, to: &out)
    if isCreated { out += #","created":true"#.utf8 }
    if let changes {
      out += #","changes":"#.utf8
      changes.write(to: &out)
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
      return [.init("event", .object(members))]
    }
  }

  /// Writes an object without its end.
  fileprivate func write(to out: inout [UInt8]) {
    guard case .event(let name, let payload, let caller) = self, caller.id.isEmpty, caller.roles.isEmpty else {
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
