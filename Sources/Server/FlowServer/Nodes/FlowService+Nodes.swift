import FlowJSON
import FlowRuntime

// The nodes of a store: `GET /v1/nodes`.
extension FlowService {
  func listNodes(_ request: RouteRequest) throws(Problem) {
    engine.countCalls { [self] result in
      let calls = try? result.get()
      answer(request) { [self] _ throws(StoreError) in
        let items = try nodes?().map { node in
          var node = node
          if let calls, node.isAlive { node.calls = node.role == "owner" ? calls.own : calls.others[node.id] }
          return node.view
        }
        return json(["items": .array(items ?? [])], headers: [("Cache-Control", "no-store")])
      }
    }
  }
}

extension NodeRow {
  fileprivate var view: JSON {
    var members: [JSON.Member] = [
      .init("id", .string(id)), .init("address", .string(address)), .init("role", .string(role)),
      .init("version", .string(version)), .init("formats", [.int(formats.lowerBound), .int(formats.upperBound)]),
      .init("seenAt", .string(timeText(seenAt))), .init("alive", .bool(isAlive)),
    ]
    if let ownerSince { members.append(.init("ownerSince", .string(timeText(ownerSince)))) }
    if let calls { members.append(.init("calls", .int(Int64(calls)))) }
    return .object(members)
  }
}
