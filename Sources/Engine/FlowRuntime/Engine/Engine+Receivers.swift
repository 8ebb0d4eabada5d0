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
    var refused: [(instance: Cached, refusal: Refusal, explanation: JSON)] = []
    for entry in entries {
      do throws(EngineProblem) {
        let answer = try deliver(command, to: entry)
        receivers.append(EventAnswer.Receiver(answer))
        if first == nil { first = answer }
      } catch {
        if problem == nil { problem = error }
        guard let code = error.receiverCode else { continue }
        let instance = existing(command, at: entry)
        receivers.append(EventAnswer.Receiver(flow: entry.name, key: instance?.row.key, refusal: code))
        if case .refused(let refusal, let explanation) = error, let instance {
          refused.append((instance, refusal, explanation))
        }
      }
    }
    guard var answer = first else { throw problem ?? .notFound("`\(command.event)` reaches no flow") }
    // Nothing is recorded when all flows refuse an event: it had no effect.
    for (instance, refusal, explanation) in refused {
      recordRefusal(
        of: command.event, command.payload, code: refusal.code, message: refusal.message, explanation: explanation,
        by: instance)
    }
    guard receivers.count > 1 else { return answer }
    answer.receivers = receivers
    batch.name(receivers, at: answer.sequence)
    return answer
  }

  /// The existing instance that an event is for.
  private func existing(_ command: EventCommand, at entry: Catalogue.Entry) -> Cached? {
    guard let payload = try? command.payload(in: entry.machine), let key = try? entry.key(of: command, in: payload)
    else { return nil }
    return (try? load(InstanceID(flow: entry.name, key: key))) ?? nil
  }
}
