import Dispatch
import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

/// A change of the flows that are served. It is no entry of a journal, which belongs to an instance: subscribers get it
/// immediately and without a position, and recognize from the mark of the catalogue whether they have missed one.
struct FlowChange: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case deployed, retired
  }

  var kind: Kind
  var flow: String
  /// The caller that has made it.
  var caller: String
  /// Milliseconds since 1970.
  var at: Int64
  /// The hash of the program and the number of the version; nil for a retired flow.
  var version: (definition: String, number: Int)?

  /// The change as a CloudEvent (CloudEvents 1.0, JSON format).
  var cloudEvent: JSON {
    var data: [JSON.Member] = [.init("flow", .string(flow))]
    if let version {
      data += [.init("definition", .string(version.definition)), .init("version", .int(Int64(version.number)))]
    }
    if !caller.isEmpty { data.append(.init("by", .string(caller))) }
    let identifier = "\(kind.rawValue)-\(flow)-\(at)"
    return [
      "specversion": "1.0", "id": .string(identifier), "type": .string("flow.\(kind.rawValue).v1"),
      "source": .string("/v1/flows/\(flow.percentEncoded)"), "subject": .string(flow), "time": .string(timeText(at)),
      "data": .object(data),
    ]
  }
}

// Between nodes: the owner sends changes to the others.
extension FlowChange {
  /// The change as other nodes read it.
  var json: JSON {
    var members: [JSON.Member] = [
      .init("kind", .string(kind.rawValue)), .init("flow", .string(flow)), .init("caller", .string(caller)),
      .init("at", .int(at)),
    ]
    if let version {
      members += [.init("definition", .string(version.definition)), .init("version", .int(Int64(version.number)))]
    }
    return .object(members)
  }

  /// Reads ``json``; nil for any other document.
  init?(_ json: JSON) {
    guard let kind = json["kind"]?.string.flatMap(Kind.init), let flow = json["flow"]?.string,
      let caller = json["caller"]?.string, let at = json["at"]?.int
    else { return nil }
    self.init(kind: kind, flow: flow, caller: caller, at: Int64(at))
    if let definition = json["definition"]?.string, let number = json["version"]?.int {
      version = (definition, number)
    }
  }
}

extension LiveHub {
  /// Sends a change of the served flows to the sockets and streams that are to know of it.
  func publish(_ change: FlowChange) {
    queue.async { [self] in
      state.withLock { $0.followers.record(change) }
      answerFollowers()
      let text = change.cloudEvent.text()
      for (listener, subscriptions) in state.withLock({ $0.listeners }) {
        for subscription in subscriptions where subscription.filter.admitsChange(of: change.flow, kind: change.kind) {
          switch (listener, subscription.form) {
          case (.socket(let socket), .frames): socket.send(text: "{\"sub\":\(subscription.id),\"ev\":\(text)}")
          case (.stream(let stream), .events):
            stream.send(chunk: Array("event: \(change.kind.rawValue)\ndata: \(text)\n\n".utf8))
          default: break
          }
        }
      }
    }
  }
}

extension Catalogue {
  /// A mark of the served flows and their programs: another one after each change, the same after a restart.
  var mark: String {
    let lines = entries.map { "\($0.name) \($0.hash) \($0.isRetired)" }.sorted()
    return String(Array(lines.joined(separator: "\n").utf8).fnv1a, radix: 16)
  }
}
