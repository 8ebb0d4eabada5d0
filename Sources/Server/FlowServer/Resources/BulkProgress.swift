import FlowJSON
import FlowMachine
import FlowRuntime

/// An operation on many instances, as it was requested.
struct BulkRequest: Sendable {
  /// The command for each instance, without its flow and key.
  var command: OperatorCommand
  /// The filters of the list by name.
  var filter: [String: String]
  /// The flows that the caller may see; nil for all.
  var visible: Set<String>?
  var redaction: Redaction

  /// True if instances are selected by their values: only those that the caller may read.
  var selectsByValues: Bool { filter["q"] != nil || filter["key"] != nil }

  /// The list of instances; nil when its flow is no longer served.
  func list(_ catalogue: Catalogue) -> InstanceList? {
    let known = catalogue.names.filter { visible?.contains($0) ?? true }
    guard var list = try? InstanceList(Parameters(filter), flow: filter["flow"], catalogue, known: known) else {
      return nil
    }
    list.visible = visible
    list.redaction = redaction
    return list
  }

  var json: JSON {
    var members: [JSON.Member] = [
      .init("op", .string(command.action.rawValue)), .init("reason", .string(command.reason)),
      .init("dryRun", .bool(command.isDryRun)), .init("caller", .string(command.caller.id)),
      .init("roles", .array(command.caller.roles.map { .string($0) })),
      .init("filter", .object(filter.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })),
    ]
    if let visible { members.append(.init("visible", .array(visible.sorted().map { .string($0) }))) }
    return .object(members)
  }
}

extension BulkRequest {
  init?(_ json: JSON) {
    guard let action = json["op"]?.string.flatMap({ OperatorCommand.Action(rawValue: $0) }) else { return nil }
    let roles = json["roles"]?.array?.compactMap(\.string) ?? []
    command = OperatorCommand(
      action, flow: "", key: "", reason: json["reason"]?.string ?? "",
      caller: Caller(id: json["caller"]?.string ?? "", roles: roles))
    command.isDryRun = json["dryRun"]?.bool ?? false
    filter = [:]
    for member in json["filter"]?.members ?? [] { filter[member.name] = member.value.string }
    visible = json["visible"]?.array.map { Set($0.compactMap(\.string)) }
    redaction = Redaction()
  }
}

/// The progress of an operation on many instances.
struct BulkProgress: Sendable {
  /// The maximum number of refusals that are stored with their reasons.
  static let maximumErrors = 100

  /// The number of the last processed instance; nil before the first.
  var after: Int64?
  var done = 0
  var refused = 0
  var errors: [JSON] = []
  var isOver = false
  /// The reason why the operation has stopped; nil without a failure.
  var failure: String?

  func adding(_ result: Result<OperatorAnswer, EngineProblem>, of name: String, number: Int64) -> BulkProgress {
    var next = self
    next.after = number
    switch result {
    case .success: next.done += 1
    case .failure(let problem):
      next.refused += 1
      if errors.count < BulkProgress.maximumErrors {
        next.errors.append(["instance": .string(name), "problem": problem.problem.json])
      }
    }
    return next
  }

  /// The refusals, with keys and reasons only where the caller may read every instance of the flow.
  func errors(whereReadable mayRead: (String) -> Bool) -> JSON {
    .array(
      errors.map { error in
        let flow = String(error["instance"]?.string?.prefix { $0 != "/" } ?? "")
        if mayRead(flow) { return error }
        let shown: Set<String> = ["type", "title", "status", "code", "retryable"]
        let problem = (error["problem"]?.members ?? []).filter { shown.contains($0.name) }
        let detail = JSON.Member("detail", .string("the reason is for callers that may read every instance"))
        return ["instance": .string(flow), "problem": .object(problem + [detail])]
      })
  }

  var json: JSON {
    var members: [JSON.Member] = [
      .init("done", .int(Int64(done))), .init("refused", .int(Int64(refused))), .init("errors", .array(errors)),
      .init("isOver", .bool(isOver)),
    ]
    if let after { members.append(.init("after", .int(after))) }
    if let failure { members.append(.init("failure", .string(failure))) }
    return .object(members)
  }
}

extension BulkProgress {
  init(_ json: JSON) {
    after = json["after"]?.int.map { Int64($0) }
    done = json["done"]?.int ?? 0
    refused = json["refused"]?.int ?? 0
    errors = json["errors"]?.array ?? []
    isOver = json["isOver"]?.bool ?? false
    failure = json["failure"]?.string
  }
}
