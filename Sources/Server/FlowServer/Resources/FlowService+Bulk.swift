import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource
import Synchronization

/// One operation on many instances, one after the other, whose progress clients poll.
final class BulkWork: Sendable {
  /// Refusals that are kept with their reasons.
  static let maximumErrors = 100
  static let operations = OperatorCommand.Action.allCases.map(\.rawValue)

  private struct Progress {
    var done = 0
    var refused = 0
    var errors: [JSON] = []
    var isOver = false
  }

  let id: String
  private let action: OperatorCommand.Action
  private let list: InstanceList
  private let pattern: OperatorCommand
  private let service: FlowService
  private let progress = Mutex(Progress())

  init(
    id: String, _ action: OperatorCommand.Action, on list: InstanceList, like pattern: OperatorCommand,
    by service: FlowService
  ) {
    self.id = id
    self.action = action
    self.list = list
    self.pattern = pattern
    self.service = service
  }

  func start() { readPage(list) }

  /// Reads the next instances and works on them.
  private func readPage(_ list: InstanceList) {
    service.reader.read { [self] queries in
      do throws(StoreError) {
        let (rows, next) = try list.page(queries, service.programs)
        var rest = list
        rest.after = next?.position
        work(on: rows[...], then: next == nil ? nil : rest)
      } catch {
        record(.storeUnavailable(error), of: "")
        end()
      }
    }
  }

  /// Sends one command at a time, so that others have their turn.
  private func work(on rows: ArraySlice<InstanceRow>, then rest: InstanceList?) {
    guard let row = rows.first else {
      if let rest { readPage(rest) } else { end() }
      return
    }
    var command = pattern
    command.flow = row.flow
    command.key = row.key
    service.engine.operate(command) { [self] result in
      switch result {
      case .success: progress.withLock { $0.done += 1 }
      case .failure(let problem): record(problem.problem, of: "\(row.flow)/\(row.key)")
      }
      work(on: rows.dropFirst(), then: rest)
    }
  }

  private func record(_ problem: Problem, of name: String) {
    progress.withLock { progress in
      progress.refused += 1
      guard progress.errors.count < BulkWork.maximumErrors else { return }
      progress.errors.append(["instance": .string(name), "problem": problem.json])
    }
  }

  private func end() { progress.withLock { $0.isOver = true } }

  var json: JSON {
    let progress = progress.withLock { $0 }
    return [
      "id": .string(id), "op": .string(action.rawValue), "dryRun": .bool(pattern.isDryRun),
      "status": .string(progress.isOver ? "done" : "running"), "done": .int(Int64(progress.done)),
      "refused": .int(Int64(progress.refused)), "errors": .array(progress.errors),
    ]
  }
}

extension FlowService {
  /// Batches whose progress is kept.
  static let maximumBatches = 100

  /// `POST /v1/batches {"op": "cancel", "filter": {"flow": "Order", "state": "stuck"}, "reason": "…", "dryRun": true}`
  func postBatch(_ request: RouteRequest) throws(Problem) {
    let body = try request.http.object(["op", "filter", "reason", "dryRun"])
    guard let name = body["op"]?.string, let action = OperatorCommand.Action(rawValue: name) else {
      throw .badRequest("`op` must be one of \(BulkWork.operations.joined(separator: ", "))")
    }
    guard let filter = body["filter"]?.members else {
      throw .badRequest(#"the body has no `filter`, an object as {"flow": "Order", "state": "stuck"}"#)
    }
    let known = ["flow"] + InstanceList.filters
    var values = ["limit": String(FlowService.maximumLimit)]
    for member in filter {
      guard known.contains(member.name) else {
        let guess = Suggestion.closest(to: member.name, among: known).first.map { ", did you mean `\($0)`?" }
        throw .badRequest(
          "there is no filter `\(member.name)`" + (guess ?? "; there are \(known.joined(separator: ", "))"))
      }
      guard let text = member.value.string ?? member.value.int.map({ String($0) }) else {
        throw .badRequest("the filter `\(member.name)` must be a string")
      }
      values[member.name] = text
    }
    var list = try InstanceList(
      Parameters(values), flow: values["flow"], catalogue, known: knownFlows(request.context))
    list.redaction = request.context.middleware.settings.redaction
    var pattern = OperatorCommand(action, flow: "", key: "", reason: try reason(body))
    pattern.caller = try caller(request.context)
    guard let isDryRun = (body["dryRun"] ?? false).bool else { throw .badRequest("`dryRun` must be true or false") }
    pattern.isDryRun = isDryRun
    let work = keep { BulkWork(id: $0, action, on: list, like: pattern, by: self) }
    work.start()
    let location = "/v1/batches/\(work.id)"
    request.respond.send(.json(work.json, status: 202, headers: [("Location", location)]))
  }

  /// Keeps a batch; the oldest is dropped when there are too many.
  private func keep(_ make: (String) -> BulkWork) -> BulkWork {
    batches.withLock { batches in
      batches.count += 1
      let work = make(String(batches.count))
      batches.kept.append(work)
      if batches.kept.count > FlowService.maximumBatches { batches.kept.removeFirst() }
      return work
    }
  }

  func showBatch(_ request: RouteRequest) throws(Problem) {
    let id = request["batch"] ?? ""
    guard let work = batches.withLock({ $0.kept.first { $0.id == id } }) else {
      throw .notFound("there is no batch `\(id)`, or it is too old")
    }
    request.respond.send(.json(work.json))
  }
}
