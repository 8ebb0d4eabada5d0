import CEL
import FlowJSON
import FlowMachine

// Events that several flows start on or wait for.
extension Engine {
  /// Delivers an event to its receivers: running instances, or flows that it starts. Each accepts or refuses it for
  /// itself; the answer is that of the first which accepts it, and lists all.
  /// - Throws: The first refusal, if every flow refuses it.
  func deliver(_ command: EventCommand) throws(EngineProblem) -> EventAnswer {
    let entries = try catalogue.receivers(of: command)
    if entries.count == 1 { return try deliver(command, to: entries[0]) }
    var first: EventAnswer?
    var problem: EngineProblem?
    var receivers: [EventAnswer.Receiver] = []
    var refused: [(entry: Catalogue.Entry, refusal: Refusal, explanation: JSON)] = []
    for entry in entries {
      do throws(EngineProblem) {
        let answer = try deliver(command, to: entry)
        receivers.append(EventAnswer.Receiver(answer))
        if first == nil { first = answer }
      } catch {
        if problem == nil { problem = error }
        if let receiver = receiver(command, refusedBy: entry, error) { receivers.append(receiver) }
        if case .refused(let refusal, let explanation) = error { refused.append((entry, refusal, explanation)) }
      }
    }
    guard var answer = first else { throw problem ?? .notFound("`\(command.event)` reaches no flow") }
    // Nothing is recorded when all flows refuse an event: it had no effect.
    for (entry, refusal, explanation) in refused {
      guard let receiver = running(command, at: entry) else { continue }
      recordRefusal(refusal, explanation: explanation, of: command, to: receiver)
    }
    guard receivers.count > 1 else { return answer }
    answer.receivers = receivers
    batch.name(receivers, at: answer.sequence)
    return answer
  }

  /// A flow that refused an event; nil for one in which no instance waits for it.
  private func receiver(
    _ command: EventCommand, refusedBy entry: Catalogue.Entry, _ problem: EngineProblem
  ) -> EventAnswer.Receiver? {
    guard let code = problem.receiverCode else { return nil }
    return EventAnswer.Receiver(
      flow: entry.name, key: running(command, at: entry)?.row.key, disposition: "refused", code: code, sequence: nil)
  }

  /// The existing instance that an event is for.
  private func running(_ command: EventCommand, at entry: Catalogue.Entry) -> Cached? {
    guard let payload = try? command.payload(in: entry.machine), let key = try? entry.key(of: command, in: payload)
    else { return nil }
    return (try? load(InstanceID(flow: entry.name, key: key))) ?? nil
  }
}

extension EngineProblem {
  /// The code of a refusal among the receivers of an event; nil if the flow is no receiver.
  fileprivate var receiverCode: String? {
    switch self {
    case .refused(let refusal, _): refusal.code
    case .suspended: "suspended"
    case .revisionMismatch: "revision-mismatch"
    case .invalidPayload: "validation-failed"
    case .retired: "flow-retired"
    case .storeUnavailable: "store-unavailable"
    default: nil
    }
  }
}
