import Dispatch
import FlowHTTP
import FlowJSON
import FlowMachine
public import FlowRuntime
import FlowSource
import Synchronization

/// One operation on many instances, one after the other. Its progress is stored, so that it survives a restart.
final class BulkWork: Sendable {
  static let operations = OperatorCommand.Action.allCases.map(\.rawValue)
  /// The pause before a step is retried that the store has rejected.
  private static let retryPause = DispatchTimeInterval.seconds(1)

  let id: Int64
  private let request: BulkRequest
  private let service: FlowService
  private let progress: Mutex<BulkProgress>

  init(id: Int64, _ request: BulkRequest, _ progress: BulkProgress, by service: FlowService) {
    self.id = id
    self.request = request
    self.service = service
    self.progress = Mutex(progress)
  }

  /// Stores the operation, and starts it after the commit.
  /// - Parameter completion: Receives the reason when it could not be stored.
  func start(completion: @escaping @Sendable (EngineProblem?) -> Void) {
    service.engine.write(bulk: id, document: document(progress.withLock { $0 })) { [self] result in
      switch result {
      case .failure(let problem): completion(problem)
      case .success:
        completion(nil)
        resume()
      }
    }
  }

  /// Continues after the last processed instance.
  func resume() {
    let after = progress.withLock { $0.after }
    service.reader.read { [self] queries in
      do throws(StoreError) {
        guard var list = request.list(service.catalogue) else { return end(failing: "its flow is not served any more") }
        list.after = after
        if request.selectsByValues {
          list.access = ReadAccess(
            caller: request.command.caller, programs: service.programs, clock: service.clock)
        }
        let (rows, next) = try list.page(queries, service.programs)
        work(on: rows[...], next: next?.position)
      } catch {
        again { $0.resume() }
      }
    }
  }

  /// Sends one command at a time, so that other requests are not delayed.
  private func work(on rows: ArraySlice<InstanceRow>, next: Int64?) {
    guard let row = rows.first else {
      guard let next else { return end(failing: nil) }
      progress.withLock { $0.after = max($0.after ?? 0, next) }
      return resume()
    }
    var command = request.command
    command.flow = row.flow
    command.key = row.key
    let before = progress.withLock { $0 }
    let name = "\(row.flow)/\(row.key)"
    service.engine.operate(
      command, bulk: id,
      progress: { [self] result in document(before.adding(result, of: name, number: row.id)) },
      completion: { [self] result in
        switch result {
        case .failure(.storeUnavailable), .failure(.overloaded): again { $0.work(on: rows, next: next) }
        // It continues after the next start.
        case .failure(.shuttingDown): return
        default:
          progress.withLock { $0 = before.adding(result, of: name, number: row.id) }
          work(on: rows.dropFirst(), next: next)
        }
      })
  }

  private func again(_ body: @escaping @Sendable (BulkWork) -> Void) {
    DispatchQueue.global().asyncAfter(deadline: .now() + BulkWork.retryPause) { [self] in body(self) }
  }

  private func end(failing reason: String?) {
    let final = progress.withLock { progress in
      progress.isOver = true
      progress.failure = reason
      return progress
    }
    service.engine.write(bulk: id, document: document(final)) { [self] result in
      if case .failure(.storeUnavailable) = result { again { $0.end(failing: reason) } }
    }
  }

  /// The operation in the format of the store.
  private func document(_ progress: BulkProgress) -> JSON {
    .object([.init("request", request.json), .init("progress", progress.json)])
  }

  /// The operation in the format of the API, as a caller may see it.
  func view(for context: RequestContext) -> JSON {
    BulkWork.view(id, request: request, progress: progress.withLock { $0 }, for: context)
  }

  static func view(
    _ id: Int64, request: BulkRequest, progress: BulkProgress, for context: RequestContext
  ) -> JSON {
    var members: [JSON.Member] = [
      .init("id", .string(String(id))), .init("op", .string(request.command.action.rawValue)),
      .init("dryRun", .bool(request.command.isDryRun)),
      .init("status", .string(progress.failure != nil ? "failed" : progress.isOver ? "done" : "running")),
      .init("done", .int(Int64(progress.done))), .init("refused", .int(Int64(progress.refused))),
      .init("errors", progress.errors(whereReadable: context.mayRead)),
    ]
    if let failure = progress.failure { members.append(.init("detail", .string(failure))) }
    return .object(members)
  }
}

extension FlowService {
  /// The value of a filter as a list takes it.
  private func filterText(_ member: JSON.Member) throws(Problem) -> String {
    let (text, type) =
      switch member.name {
      case "version": (member.value.int.map { String($0) }, "a whole number")
      case "incident": (member.value.bool.map { String($0) }, "true or false")
      default: (member.value.string, "a string")
      }
    guard let text else { throw .badRequest("the filter `\(member.name)` must be \(type)") }
    return text
  }

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
      values[member.name] = try filterText(member)
    }
    // Reports errors in the filter.
    _ = try InstanceList(Parameters(values), flow: values["flow"], catalogue, known: knownFlows(request.context))
    var pattern = OperatorCommand(action, flow: "", key: "", reason: try reason(body))
    pattern.caller = try caller(request.context)
    guard let isDryRun = (body["dryRun"] ?? false).bool else { throw .badRequest("`dryRun` must be true or false") }
    pattern.isDryRun = isDryRun
    let bulk = BulkRequest(
      command: pattern, filter: values, visible: request.context.principal.flows,
      redaction: request.context.middleware.settings.redaction)
    guard !bulk.selectsByValues || request.context.principal.may(.read) else {
      throw .forbidden("`q` and `key` select instances by their values, which requires the scope `read`")
    }
    reader.read { [self] queries in
      do throws(StoreError) {
        let work = try keep(after: queries.bulkOperations().keys.max() ?? 0) {
          BulkWork(id: $0, bulk, BulkProgress(), by: self)
        }
        work.start { problem in
          if let problem { return request.respond.send(problem.problem) }
          let location = "/v1/batches/\(work.id)"
          request.respond.send(.json(work.view(for: request.context), status: 202, headers: [("Location", location)]))
        }
      } catch {
        request.respond.send(.storeUnavailable(error))
      }
    }
  }

  /// Continues the operations that the last process did not finish.
  /// - Parameter redaction: The fields that a filter can't ask for.
  /// - Throws: `StoreError` when the store can't be read.
  public func resumeBatches(_ queries: any Queries, redaction: Redaction) throws(StoreError) {
    for (id, text) in try queries.bulkOperations().sorted(by: { $0.key < $1.key }) {
      guard let json = try? JSON(parsing: text), var request = BulkRequest(json["request"] ?? .null) else { continue }
      request.redaction = redaction
      let progress = BulkProgress(json["progress"] ?? .null)
      guard !progress.isOver else { continue }
      keep(after: id - 1) { BulkWork(id: $0, request, progress, by: self) }.resume()
    }
  }

  /// Registers a running operation, under a number that was never used.
  private func keep(after last: Int64, _ make: (Int64) -> BulkWork) -> BulkWork {
    batches.withLock { batches in
      batches.last = max(batches.last, last) + 1
      let work = make(batches.last)
      batches.kept.append(work)
      if batches.kept.count > 100 { batches.kept.removeFirst() }
      return work
    }
  }

  func showBatch(_ request: RouteRequest) throws(Problem) {
    let id = request["batch"] ?? ""
    if let work = batches.withLock({ $0.kept.first { String($0.id) == id } }) {
      return request.respond.send(.json(work.view(for: request.context)))
    }
    answer(request) { queries throws(StoreError) in
      guard let number = Int64(id), let text = try queries.bulkOperations()[number],
        let json = try? JSON(parsing: text),
        let bulk = BulkRequest(json["request"] ?? .null)
      else { return request.context.response(.notFound("there is no batch `\(id)`, or it is too old")) }
      let progress = BulkProgress(json["progress"] ?? .null)
      return self.json(BulkWork.view(number, request: bulk, progress: progress, for: request.context))
    }
  }
}
