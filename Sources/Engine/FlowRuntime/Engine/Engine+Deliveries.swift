import FlowIR
import FlowJSON
import FlowMachine

// Events and results between the instances of the store.
extension Engine {
  /// Applies the consequences of steps within the store, in the same transaction; those beyond
  /// ``maximumDeliveries`` become jobs for the next.
  func deliverPending() {
    var count = 0
    while let item = deliveries.next() {
      count += 1
      guard count <= Engine.maximumDeliveries else { return postpone(item) }
      switch item {
      case .result(let known): apply(known.outcome, of: known.job, from: known.source, to: known.instance)
      case .event(let delivery):
        hops = delivery.hops
        deliver(delivery)
        hops = 0
      case .end(let ended): endCall(ended.job, ended.outcome)
      }
    }
  }

  private func postpone(_ first: Deliveries.Item) {
    var rest: Deliveries.Item? = first
    while let item = rest {
      switch item {
      case .event(let delivery): postpone(delivery)
      case .result(let known): postpone(known)
      case .end(let ended): postpone(ended)
      }
      rest = deliveries.next()
    }
  }

  /// Delivers an emitted event to the flows that it starts or whose key it carries.
  func deliver(_ delivery: Delivery) {
    if let receiver = delivery.receiver {
      if let entry = catalogue[receiver.flow] { deliver(delivery, to: entry) }
      return
    }
    for entry in catalogue.reached(by: delivery.event) { deliver(delivery, to: entry) }
  }

  private func deliver(_ delivery: Delivery, to entry: Catalogue.Entry) {
    var command = EventCommand(event: delivery.event, payload: delivery.payload)
    command.caller = Caller(id: "\(delivery.sender.flow)/\(delivery.sender.key)", flow: delivery.sender.flow)
    do throws(EngineProblem) {
      command.key = delivery.receiver?.key
      let key = command.key == nil ? entry.key(in: try command.payload(in: entry.machine)) : command.key
      // An instance may refuse its own event.
      let isOwn = key.map { InstanceID(flow: entry.name, key: $0) == delivery.sender } ?? false
      if isOwn { _ = try? deliver(command, to: entry) } else { _ = try deliver(command, to: entry) }
    } catch {
      if case .suspended(let key) = error, hold(delivery, for: InstanceID(flow: entry.name, key: key)) { return }
      recordUndelivered(delivery, to: entry.name, problem: error)
    }
  }

  /// An emission is not a call, so the sender continues; the refusal is recorded in its journal.
  private func recordUndelivered(_ delivery: Delivery, to flow: String, problem: EngineProblem) {
    if let reason = reason(ofUndelivered: problem) { recordUndelivered(delivery, to: flow, reason: reason) }
  }

  /// The reason of an event that had no effect; nil if that is no error.
  func reason(ofUndelivered problem: EngineProblem) -> String? {
    switch problem {
    case .refused(let refusal, _): refusal.message
    case .invalidPayload(let mismatches):
      mismatches.map { $0.pointer.isEmpty ? $0.message : "\($0.pointer): \($0.message)" }.joined(separator: "; ")
    case .suspended(let key):
      "`\(key)` is suspended, and \(Engine.maximumHeldEvents) events are already held for it"
    // An event without a receiver is not an error, and a failing store fails the batch.
    default: nil
    }
  }

  /// - Parameter instances: The instances of a page of a broadcast, by the key of the first one and their number.
  func recordUndelivered(
    _ delivery: Delivery, to flow: String, reason: String, instances: (first: String, count: Int)? = nil
  ) {
    guard let sender = (try? load(delivery.sender)) ?? nil else { return }
    var members: [JSON.Member] = [.init("event", .string(delivery.event)), .init("flow", .string(flow))]
    if let (first, count) = instances {
      members += [.init("key", .string(first)), .init("instances", .int(Int64(count)))]
    }
    journal(sender.row, .undelivered, body: .object(members + [.init("reason", .string(reason))]))
  }

  // MARK: - Postponing

  /// Makes a job of an emitted event, for a later batch to deliver.
  private func postpone(_ delivery: Delivery) {
    let due = JobDue.at(world.now() + delay(of: delivery))
    if let receiver = delivery.receiver {
      if let cached = (try? load(receiver)) ?? nil { write(delivery, for: cached.row, due: due) }
      return
    }
    write(delivery, by: delivery.sender, due: due, adding: [])
  }

  /// Writes the row of an event that its sender delivers later.
  func write(_ delivery: Delivery, by sender: InstanceID, due: JobDue, adding members: [JSON.Member]) {
    guard let sender = (try? load(sender)) ?? nil else { return }
    let reference = JobReference(revision: sender.row.revision, number: 0)
    var row = newJob(reference, of: sender.row, action: Engine.deliveryAction, due: due)
    row.arguments =
      JSON.object(
        [
          .init("type", .string(delivery.event)), .init("data", delivery.payload),
          .init("hops", .int(Int64(delivery.hops))),
        ] + members
      ).bytes()
    write(row)
  }

  /// The delay of an emission in a long chain of emissions, in milliseconds. Endless chains are slowed down, to one
  /// emission a minute in the end, and the operator is warned; nothing is lost.
  func delay(of delivery: Delivery) -> Int64 {
    let rounds = delivery.hops / Engine.maximumDeliveries
    guard rounds > 1 else { return 0 }
    warn(
      "`\(delivery.sender.flow)/\(delivery.sender.key)` emits `\(delivery.event)` after \(delivery.hops) emissions "
        + "that follow from each other; it is slowed down")
    return min(Int64(100) << Int64(min(rounds - 2, 10)), 60_000)
  }

  /// Makes a job of a known result, for the next batch to apply.
  private func postpone(_ known: Deliveries.KnownResult) {
    guard let cached = (try? load(known.instance)) ?? nil else { return }
    var row = newJob(known.job, of: cached.row, action: "", due: .at(world.now()))
    guard let call = cached.instance.pendingCall(of: known.job) else { return }
    row.call = call.position
    let machine = cached.version.machine
    row.action = machine.name(of: machine.program.flows[cached.instance.flow].calls[call].target)
    row.outcome = JSON.object([known.outcome.member(in: machine)]).bytes()
    write(row)
  }

  /// Stores the end of a called flow in the row of its job, for the next batch to apply.
  private func postpone(_ ended: Deliveries.EndedCall) {
    guard var row = findJob(ended.job), let parent = loadOwner(of: row, at: world.now()) else { return }
    row.due = .at(world.now())
    row.outcome = JSON.object([ended.outcome.member(in: parent.version.machine)]).bytes()
    write(row)
  }
}
