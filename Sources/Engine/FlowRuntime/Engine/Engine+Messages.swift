import CEL
public import FlowIR
import FlowJSON
import FlowMachine

/// The code and the message of a refusal, as people read them.
public typealias RefusalText = @Sendable (EngineProblem) -> (code: String, message: String)

// Messages of brokers.
extension Engine {
  /// The number of the instance in the dead letters of messages, which belong to none.
  static let noInstance: Int64 = 0
  /// The maximum number of dead letters of messages.
  public static let maximumDeadMessages = 10_000

  /// Accepts messages of a queue in their order. The outcomes are final once ``commit()`` has returned.
  ///
  /// A refused message is a dead letter. With the first message that can't be accepted at the moment, the rest is
  /// postponed, so that no message overtakes another.
  public func receive(_ messages: [BrokerMessage], refusal: RefusalText) -> [MessageOutcome] {
    var outcomes: [MessageOutcome] = []
    for message in messages {
      if case .postponed(let reason)? = outcomes.last {
        outcomes.append(.postponed(message: reason))
      } else {
        outcomes.append(receive(message, refusal: refusal))
      }
    }
    return outcomes
  }

  private func receive(_ message: BrokerMessage, refusal: RefusalText) -> MessageOutcome {
    let payload: JSON
    switch message.payload {
    case .success(let document): payload = trimmed(document, of: message)
    case .failure(let problem):
      return refuse(message, arguments: ["text": .string(message.text)], code: problem.code, message: problem.message)
    }
    let command = EventCommand(of: message.queue, event: message.event, payload: payload, key: message.identifier)
    switch submit(command) {
    case .success(let answer): return .accepted(isReplayed: answer.replayed)
    case .failure(let problem):
      let (code, text) = refusal(problem)
      if problem.isTransient { return .postponed(message: text) }
      return refuse(message, arguments: payload, code: code, message: text)
    }
  }

  /// The payload without the members that the event does not declare: other systems send more than a flow needs.
  private func trimmed(_ payload: JSON, of message: BrokerMessage) -> JSON {
    for machine in catalogue.machines {
      guard let event = machine.event(named: message.event),
        machine.program.events[event].queue == message.queue
      else { continue }
      return payload.trimmed(to: .record(message.event), in: machine.types)
    }
    return payload
  }

  private func refuse(
    _ message: BrokerMessage, arguments: JSON, code: String, message text: String
  ) -> MessageOutcome {
    let now = world.now()
    let id = batch.nextJobID()
    let job = JobRow(
      id: id, instance: Engine.noInstance, revision: 0, number: 0, action: message.event,
      queue: message.queue.description, call: nil, once: message.identifier, due: .at(now), origin: id,
      arguments: arguments.bytes())
    batch.writes.dead.append(DeadRow(job: job, at: now, code: code, message: text))
    add(deadMessage: id)
    return .refused(code: code, message: text)
  }

  /// Records the dead letter of a message. Beyond the limit the oldest one is removed.
  private func add(deadMessage id: Int64) {
    if deadMessages == nil { deadMessages = read { () throws(StoreError) in try store.deadMessages() } }
    deadMessages?.append(id)
    guard let known = deadMessages, known.count > Engine.maximumDeadMessages else { return }
    let surplus = known.prefix(known.count - Engine.maximumDeadMessages)
    batch.writes.deadRemoved.formUnion(surplus)
    deadMessages?.removeFirst(surplus.count)
    guard !hasWarnedOfDeadMessages else { return }
    hasWarnedOfDeadMessages = true
    warn("there are \(Engine.maximumDeadMessages) refused messages: the oldest are removed")
  }

  /// Records that the dead letter of a message was closed.
  func remove(deadMessage id: Int64) { deadMessages?.removeAll { $0 == id } }

  /// Accepts the message of a dead letter, under its own idempotency key.
  /// - Throws: The reason when it is refused again.
  func redeliver(_ dead: DeadRow) throws(EngineProblem) {
    guard let queue = dead.job.messageQueue else { throw .notPossible("its queue is not known") }
    guard dead.hasPayload, let payload = try? JSON(parsing: dead.job.arguments) else {
      let reason = "the body of the message is not a payload"
      throw .notPossible("\(reason): \(dead.message)", summary: reason)
    }
    _ = try submit(EventCommand(of: queue, event: dead.job.action, payload: payload, key: dead.job.once)).get()
  }
}

extension EngineThread {
  /// Accepts messages of a queue in their order; `completion` is called after the commit. If the commit fails, all are
  /// postponed.
  public func receive(
    _ messages: [BrokerMessage], refusal: @escaping RefusalText,
    completion: @escaping @Sendable ([MessageOutcome]) -> Void
  ) {
    perform({ .success($0.receive(messages, refusal: refusal)) }) { result in
      switch result {
      case .success(let outcomes): completion(outcomes)
      case .failure(let problem):
        completion(messages.map { _ in .postponed(message: refusal(problem).message) })
      }
    }
  }
}

extension EventCommand {
  /// The event of a message. Its caller is the broker, without a role; its keys are those of the queue.
  fileprivate init(of queue: BrokerQueue, event: String, payload: JSON, key: String?) {
    self.init(event: event, payload: payload)
    caller = Caller(id: queue.broker.rawValue)
    sender = queue.description
    idempotencyKey = key
  }
}

extension EngineProblem {
  /// True if the same event may be accepted later without a change of the instance or the program.
  public var isTransient: Bool {
    switch self {
    case .overloaded, .storeUnavailable, .shuttingDown: true
    default: false
    }
  }
}

extension JobRow {
  /// The queue of the message of a dead letter; nil for a dead letter of a job.
  public var messageQueue: BrokerQueue? {
    guard instance == Engine.noInstance, let queue, let space = queue.firstIndex(of: " "),
      let broker = BrokerQueue.Broker(rawValue: String(queue[..<space]))
    else { return nil }
    return BrokerQueue(broker: broker, name: String(queue[queue.index(after: space)...]))
  }
}

extension DeadRow {
  /// True if the arguments of a message are its payload, and not the text of an unreadable body.
  fileprivate var hasPayload: Bool { !["invalid-json", "payload-too-large", "bad-request"].contains(code) }
}
