import FlowJSON
import FlowMachine

/// An event on its way to all running instances of a flow.
struct Broadcast {
  var flow: String
  /// The number of the last instance that was visited.
  var after: Int64
  /// The highest number of an instance when the event was emitted.
  let upTo: Int64
  /// The instant of the emission, in milliseconds since 1970.
  let at: Int64

  init(flow: String, upTo: Int64, at: Int64) {
    self.flow = flow
    after = 0
    self.upTo = upTo
    self.at = at
  }

  /// The broadcast of a row; nil for another row.
  init?(_ row: JobRow) {
    guard let json = (try? JSON(parsing: row.arguments))?["to"], let flow = json["flow"]?.string,
      let after = json["after"]?.integer, let upTo = json["upTo"]?.integer, let at = json["at"]?.integer
    else { return nil }
    self.flow = flow
    self.after = after
    self.upTo = upTo
    self.at = at
  }

  var json: JSON {
    ["flow": .string(flow), "after": .int(after), "upTo": .int(upTo), "at": .int(at)]
  }
}

extension JSON {
  fileprivate var integer: Int64? { int.map { Int64($0) } }
}

// Events to all running instances of a flow. A broadcast is a row among the jobs of its sender; each page of instances
// is a transaction that also advances the row, so that each instance receives the event once, over a crash too.
extension Engine {
  /// The number of instances that receive a broadcast in one transaction.
  static let broadcastPage = 500
  /// The number of instances of all flows that one page visits at most.
  static let broadcastVisits = 10_000

  /// Stores a broadcast. The instances that run now receive the event in later transactions.
  func broadcast(_ delivery: Delivery, to flow: String, at now: Int64) {
    let broadcast = Broadcast(flow: flow, upTo: batch.counters.instance, at: now)
    let due = JobDue.at(world.now() + delay(of: delivery))
    write(delivery, by: delivery.sender, due: due, adding: [.init("to", broadcast.json)])
  }

  /// Delivers a broadcast to the next page of instances.
  func deliverPage(of broadcast: Broadcast, _ row: JobRow, by sender: Cached) {
    guard let delivery = delivery(row, of: sender), let entry = catalogue[broadcast.flow] else { return remove(row) }
    let page = read { () throws(StoreError) in
      try store.runningInstances(
        of: broadcast.flow, after: broadcast.after, upTo: broadcast.upTo, limit: Engine.broadcastPage,
        visiting: Engine.broadcastVisits)
    }
    guard let page else { return }
    var undelivered: [String: (first: String, count: Int)] = [:]
    hops = delivery.hops
    for id in page.ids {
      guard let (key, problem) = deliver(delivery, toInstance: id, of: entry, since: broadcast.at) else { continue }
      let known = undelivered[problem]
      undelivered[problem] = (known?.first ?? key, (known?.count ?? 0) + 1)
    }
    hops = 0
    for (reason, instances) in undelivered.sorted(by: { $0.key < $1.key }) {
      recordUndelivered(delivery, to: broadcast.flow, reason: reason, instances: instances)
    }
    if let end = page.end {
      advance(row, broadcast, to: end)
    } else {
      remove(row)
    }
    deliverPending()
  }

  private func advance(_ row: JobRow, _ broadcast: Broadcast, to end: Int64) {
    guard var members = (try? JSON(parsing: row.arguments))?.members else { return remove(row) }
    var rest = broadcast
    rest.after = end
    members.removeAll { $0.name == "to" }
    members.append(.init("to", rest.json))
    var next = row
    next.arguments = JSON.object(members).bytes()
    next.due = .at(world.now())
    write(next)
  }

  /// Delivers a broadcast to one instance, if it has run since the emission.
  /// - Returns: The key and the reason if the event had no effect.
  private func deliver(
    _ delivery: Delivery, toInstance id: Int64, of entry: Catalogue.Entry, since instant: Int64
  ) -> (key: String, reason: String)? {
    var receiver: InstanceID?
    do throws(EngineProblem) {
      // The batch may have ended it; a key that has started again since is a later instance.
      guard let cached = try load(row: id), !cached.row.status.hasEnded, cached.row.startedAt <= instant else {
        return nil
      }
      receiver = InstanceID(cached.row)
      var command = EventCommand(event: delivery.event, payload: delivery.payload)
      command.key = cached.row.key
      command.caller = Caller(id: "\(delivery.sender.flow)/\(delivery.sender.key)", flow: delivery.sender.flow)
      _ = try deliver(command, to: entry)
      return nil
    } catch {
      // A failing store fails the batch, and an instance may refuse its own event.
      guard let receiver, receiver != delivery.sender else { return nil }
      if case .suspended = error, hold(delivery, for: receiver) { return nil }
      return reason(ofUndelivered: error).map { (receiver.key, $0) }
    }
  }
}
