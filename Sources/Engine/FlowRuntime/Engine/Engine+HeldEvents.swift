import FlowJSON
import FlowMachine

// Events emitted to a suspended instance. An external sender receives an error and can retry; an emitting instance has
// continued, so the event is held and delivered when the receiver is resumed.
extension Engine {
  /// The number of events that are held for an instance; further ones are undelivered.
  public static let maximumHeldEvents = 1000

  /// Stores an event for a suspended instance, as a row among its jobs that is due when the instance is resumed.
  /// - Returns: False when the limit of held events is reached.
  func hold(_ delivery: Delivery, for id: InstanceID) -> Bool {
    guard let receiver = (try? load(id)) ?? nil else { return false }
    guard heldEvents(of: receiver.row.id).count < Engine.maximumHeldEvents else { return false }
    write(delivery, for: receiver.row, due: .onResume)
    return true
  }

  /// Writes the row of an event for one instance.
  func write(_ delivery: Delivery, for receiver: InstanceRow, due: JobDue) {
    let reference = JobReference(revision: receiver.revision, number: 0)
    var row = newJob(reference, of: receiver, action: Engine.deliveryAction, due: due)
    row.arguments =
      JSON.object([
        .init("type", .string(delivery.event)), .init("data", delivery.payload),
        .init("hops", .int(Int64(delivery.hops))),
        .init("from", ["flow": .string(delivery.sender.flow), "key": .string(delivery.sender.key)]),
      ]).bytes()
    write(row)
  }

  /// The event of a row; nil for an unreadable row.
  func delivery(_ row: JobRow, of owner: Cached) -> Delivery? {
    guard let json = try? JSON(parsing: row.arguments), let event = json["type"]?.string else { return nil }
    var delivery = Delivery(event: event, payload: json["data"] ?? .null, sender: InstanceID(owner.row))
    delivery.hops = json["hops"]?.int ?? 0
    if let flow = json["from"]?["flow"]?.string, let key = json["from"]?["key"]?.string {
      delivery.receiver = delivery.sender
      delivery.sender = InstanceID(flow: flow, key: key)
    }
    return delivery
  }

  /// Delivers the held events of a resumed instance, in order, in the same transaction.
  /// - Returns: Their number.
  func deliverHeldEvents(of cached: Cached) -> Int {
    let held = heldEvents(of: cached.row.id)
    for row in held {
      remove(row)
      if let delivery = delivery(row, of: cached) { deliveries.add(delivery) }
    }
    return held.count
  }

  /// Records the held events of an instance that has ended as undelivered.
  func dropHeldEvents(of cached: Cached) {
    for row in heldEvents(of: cached.row.id) {
      remove(row)
      guard let delivery = delivery(row, of: cached) else { continue }
      recordUndelivered(delivery, to: cached.row.flow, reason: "`\(cached.row.key)` was ended while it was suspended")
    }
  }

  private func heldEvents(of instance: Int64) -> [JobRow] {
    jobs(of: instance).filter { row in
      guard row.action == Engine.deliveryAction, row.due == .onResume else { return false }
      // Events that the instance has emitted itself have other receivers.
      return (try? JSON(parsing: row.arguments))?["from"] != nil
    }
  }
}
