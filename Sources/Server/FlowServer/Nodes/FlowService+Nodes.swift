import FlowJSON
import FlowRuntime

// The nodes of a store: `GET /v1/nodes`.
extension FlowService {
  func listNodes(_ request: RouteRequest) throws(Problem) {
    answer(request) { [self] _ throws(StoreError) in
      let rows = try nodes?() ?? []
      return json(["items": .array(rows.map(\.view))], headers: [("Cache-Control", "no-store")])
    }
  }
}

extension NodeRow {
  fileprivate var view: JSON {
    [
      "id": .string(id), "address": .string(address), "role": .string(role), "version": .string(version),
      "formats": [.int(formats.lowerBound), .int(formats.upperBound)], "seenAt": .string(timeText(seenAt)),
      "alive": .bool(isAlive),
    ]
  }
}
