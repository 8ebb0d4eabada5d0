import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

// Views: lists, an instance, its history. They read what was committed, away from the engine.
extension FlowService {
  /// The most that a list gives at once.
  static let maximumLimit = 500

  func listInstances(
    _ route: Route, flow: String?, _ visible: Set<String>?, _ respond: ResponseHandle
  ) throws(Problem) {
    let limit = try route.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    let after = Int64(try route.number("cursor", default: 0, in: 0...Int.max))
    let status = try status(route)
    answer(respond) { [self] queries throws(StoreError) in
      let rows = try queries.instances(flow: flow, status: status, after: after, limit: limit)
      let next: JSON = rows.count == limit ? .string(String(rows.last?.id ?? 0)) : .null
      return json([
        "items": .array(rows.filter { visible?.contains($0.flow) ?? true }.map { summary($0) }),
        "page": ["next": next, "limit": .int(Int64(limit))],
      ])
    }
  }

  private func status(_ route: Route) throws(Problem) -> Int? {
    guard let name = route.query["status"] else { return nil }
    guard let number = FlowService.statuses.firstIndex(of: name) else {
      throw .badRequest("there is no status `\(name)`; there are \(FlowService.statuses.joined(separator: ", "))")
    }
    return number
  }

  private static let statuses = ["running", "done", "failed"]

  func showInstance(flow: String, key: String, _ respond: ResponseHandle) {
    answer(respond) { [self] queries throws(StoreError) in
      guard let row = try queries.instance(flow: flow, key: key) else { return missing(flow, key).response }
      return json(view(row), headers: [("ETag", "\"\(row.revision)\"")])
    }
  }

  func showHistory(_ route: Route, flow: String, key: String, _ respond: ResponseHandle) throws(Problem) {
    let limit = try route.number("limit", default: 100, in: 1...FlowService.maximumLimit)
    let after = Int64(try route.number("after", default: 0, in: 0...Int.max))
    answer(respond) { [self] queries throws(StoreError) in
      guard let row = try queries.instance(flow: flow, key: key) else { return missing(flow, key).response }
      let entries = try queries.history(instance: row.id, after: after, limit: limit)
      let next: JSON = entries.count == limit ? .int(entries.last?.sequence ?? 0) : .null
      return json([
        "items": .array(entries.map { entry($0) }), "page": ["next": next, "limit": .int(Int64(limit))],
      ])
    }
  }

  /// Reads on the readers' queue and answers from there.
  private func answer(
    _ respond: ResponseHandle, _ body: @escaping @Sendable (any Queries) throws(StoreError) -> HTTPResponse
  ) {
    reader.read { queries in
      do throws(StoreError) {
        respond.send(try body(queries))
      } catch {
        respond.send(EngineProblem.storeUnavailable(error.message).response)
      }
    }
  }

  private func missing(_ flow: String, _ key: String) -> Problem {
    .notFound("there is no instance `\(key)` of `\(flow)`")
  }

  // MARK: - Views

  private func summary(_ row: InstanceRow) -> JSON {
    .object(
      [
        .init("flow", .string(row.flow)), .init("key", .string(row.key)),
        .init("status", .string(FlowService.statuses[min(max(row.status, 0), 2)])),
        .init("state", position(row)["states"] ?? .array([])), .init("revision", .int(Int64(row.revision))),
        .init("startedAt", .string(timeText(row.startedAt))), .init("updatedAt", .string(timeText(row.updatedAt))),
      ] + (row.incident.isEmpty ? [] : [.init("incident", .string(row.incident))]))
  }

  private func position(_ row: InstanceRow) -> JSON { (try? JSON(parsing: row.position)) ?? .null }

  private func view(_ row: InstanceRow) -> JSON {
    var members = summary(row).members ?? []
    members.append(.init("data", (try? JSON(parsing: row.data)) ?? .null))
    guard let flow = machine.flow(named: row.flow) else { return .object(members) }
    let node = machine.program.flows[flow]
    let timers = (position(row)["timers"]?.array ?? []).compactMap { timer -> JSON? in
      guard let transition = timer["transition"]?.int, node.transitions.indices.contains(transition),
        let due = timer["due"]?.int
      else { return nil }
      return ["at": .string("\(node.transitions[transition].place)"), "due": .string(timeText(Int64(due)))]
    }
    let calls = (position(row)["calls"]?.array ?? []).compactMap { call -> JSON? in
      guard let index = call["call"]?.int, node.calls.indices.contains(index) else { return nil }
      let action = machine.program.actions[node.calls[index].action ?? 0].name
      return ["call": .string(node.calls[index].name), "action": .string(action)]
    }
    members += [
      .init("timers", .array(timers)), .init("pendingCalls", .array(calls)),
      .init("allowedEvents", .array(allowedEvents(row, flow))),
    ]
    return .object(members)
  }

  private func allowedEvents(_ row: InstanceRow, _ flow: Int) -> [JSON] {
    guard row.status == 0 else { return [] }
    let states = position(row)["states"]?.array?.compactMap(\.string) ?? []
    return machine.acceptedEvents(flow: flow, in: states).map { .string($0) }
  }

  private func entry(_ entry: JournalEntry) -> JSON {
    [
      "offset": .int(entry.sequence), "revision": .int(Int64(entry.revision)), "type": .string(entry.kind),
      "at": .string(timeText(entry.at)), "data": entry.body,
    ]
  }
}
