import FlowJSON
import FlowMachine

// Events that instances send to one that is suspended. Who sends from outside is told, and can come again; who emits
// has gone on, so the event is kept and taken when the other goes on.
extension Engine {
  /// How many events are kept for an instance; what comes beyond is undelivered.
  public static let maximumKeptEvents = 1000

  /// Keeps an event for an instance that is suspended, as a row among its jobs that is never due.
  /// - Returns: False when too many are kept already.
  func keep(_ delivery: Delivery, for id: InstanceID) -> Bool {
    guard let receiver = (try? load(id)) ?? nil else { return false }
    guard keptEvents(of: receiver.row.id).count < Engine.maximumKeptEvents else { return false }
    write(delivery, for: receiver.row, due: Engine.parked)
    return true
  }

  /// Writes the row of an event for one instance.
  func write(_ delivery: Delivery, for receiver: InstanceRow, due: Int64) {
    let reference = JobReference(revision: receiver.revision, number: 0)
    var row = newJob(reference, of: receiver, action: Engine.deliveryAction, due: due)
    row.arguments =
      JSON.object([
        .init("type", .string(delivery.event)), .init("data", delivery.payload),
        .init("from", ["flow": .string(delivery.sender.flow), "key": .string(delivery.sender.key)]),
      ]).bytes()
    write(row)
  }

  /// The event of a row; nil when it can't be read.
  func delivery(_ row: JobRow, _ owner: Cached) -> Delivery? {
    guard let json = try? JSON(parsing: row.arguments), let event = json["type"]?.string else { return nil }
    var delivery = Delivery(event: event, payload: json["data"] ?? .null, sender: InstanceID(owner.row))
    if let flow = json["from"]?["flow"]?.string, let key = json["from"]?["key"]?.string {
      delivery.receiver = delivery.sender
      delivery.sender = InstanceID(flow: flow, key: key)
    }
    return delivery
  }

  /// Lets an instance that goes on take what was kept for it, in order, in the same transaction.
  /// - Returns: How many there were.
  func takeKeptEvents(of cached: Cached) -> Int {
    let kept = keptEvents(of: cached.row.id)
    for row in kept {
      remove(row)
      if let delivery = delivery(row, cached) { deliveries.append(delivery) }
    }
    return kept.count
  }

  /// Notes that what was kept for an instance will never be taken.
  func dropKeptEvents(of cached: Cached) {
    for row in keptEvents(of: cached.row.id) {
      remove(row)
      guard let delivery = delivery(row, cached) else { continue }
      note("`\(cached.row.key)` was ended while it was suspended", of: delivery, to: cached.row.flow)
    }
  }

  private func keptEvents(of instance: Int64) -> [JobRow] {
    jobsOf(instance).filter { row in
      guard row.action == Engine.deliveryAction, row.due == Engine.parked else { return false }
      // What the instance has emitted itself is not for it.
      return (try? JSON(parsing: row.arguments))?["from"] != nil
    }
  }
}
