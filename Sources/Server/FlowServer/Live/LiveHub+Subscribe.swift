import Dispatch
import FlowHTTP
import FlowJSON
package import FlowRuntime
import Synchronization

// Subscribing and unsubscribing. Each call continues on the hub's queue.
extension LiveHub {
  /// The position at which a subscription starts.
  struct ReplayStart {
    var position: LivePosition
    /// False when the requested position is archived, or belongs to another store.
    var isRecovered: Bool
    /// The mark of the flows that are served.
    var flows: String

    /// - Parameters:
    ///   - since: The last entry that the subscriber has received; nil to start at the current position.
    ///   - flows: The mark of the served flows.
    init(_ since: LivePosition?, _ span: JournalSpan, flows: String) {
      self.flows = flows
      position = LivePosition(span)
      isRecovered = true
      guard let since else { return }
      let isOurs = since.epoch.isEmpty || since.epoch == span.epoch
      isRecovered = isOurs && since.offset <= span.last && since.offset + 1 >= span.first
      if isRecovered { position.offset = since.offset }
    }

    var json: JSON {
      [
        "epoch": .string(position.epoch), "offset": .int(position.offset),
        "position": .string(position.description), "recovered": .bool(isRecovered), "flows": .string(flows),
      ]
    }
  }

  private func replayStart(_ since: LivePosition?) throws(StoreError) -> ReplayStart {
    guard let queries else { throw .unavailable("the journal is not open yet") }
    var span = try JournalSpan(queries)
    span.last = max(span.last, lastSequence)
    let start = ReplayStart(since, span, flows: servedFlows)
    if let since, !start.isRecovered {
      recordResync(since.epoch.isEmpty || since.epoch == span.epoch ? "trimmed" : "epoch")
    }
    return start
  }

  // MARK: - Sockets

  func subscribe(_ socket: WebSocketHandle, _ request: LiveProtocol.Subscription) {
    queue.async { [self] in
      let listener = LiveListener.socket(socket)
      let present = subscriptions(of: listener)
      guard !present.contains(where: { $0.id == request.id }) else {
        return socket.close(code: LiveProtocol.duplicate, reason: "there is a subscription \(request.id) already")
      }
      guard present.count < LiveHub.maximumSubscriptions else {
        return socket.close(
          code: LiveProtocol.tooMuch, reason: "a socket has at most \(LiveHub.maximumSubscriptions) subscriptions")
      }
      do throws(StoreError) {
        let limit = limit(of: socket)
        if let limit, limit.access == nil {
          let problem = Problem.forbidden("the read rules of the flows can't be applied to this caller")
          return socket.send(text: LiveProtocol.failure(problem, request.id))
        }
        let start = try replayStart(request.since)
        let members = [JSON.Member("sub", .int(request.id))] + (start.json.members ?? [])
        socket.send(text: LiveProtocol.reply(request.id, .object(members)))
        var filter = request.filter
        filter.visible = limit?.flows
        filter.access = limit?.access
        add(LiveSubscription(id: request.id, filter, .frames, at: start.position.offset), for: listener)
      } catch {
        socket.close(code: 1011, reason: "the journal could not be read")
      }
    }
  }

  func unsubscribe(_ socket: WebSocketHandle, id: Int64, subscription: Int64?) {
    queue.async { [self] in
      let listener = LiveListener.socket(socket)
      if let subscription {
        guard remove(subscription, of: listener) else {
          return socket.send(text: LiveProtocol.failure(.notFound("there is no subscription \(subscription)"), id))
        }
      } else {
        removeNow(listener)
      }
      socket.send(text: LiveProtocol.reply(id, .object([])))
    }
  }

  func greet(_ socket: WebSocketHandle, id: Int64, at now: String) {
    queue.async { [self] in
      guard let start = try? replayStart(nil) else { return }
      let members: [JSON.Member] = [.init("pingEvery", 15), .init("serverTime", .string(now))]
      socket.send(text: LiveProtocol.reply(id, .object(members + (start.json.members ?? []))))
    }
  }

  /// Removes a listener and its subscriptions.
  func remove(_ listener: LiveListener) {
    queue.async { [self] in
      removeNow(listener)
      // Only now: while a socket is open it may subscribe again, within its limit.
      if case .socket(let socket) = listener { removeLimit(socket) }
    }
  }

  /// The listener has received the last page.
  func drained(_ listener: LiveListener) {
    queue.async { [self] in
      for subscription in subscriptions(of: listener) where subscription.reading == .awaitsDrain {
        enqueue(subscription, of: listener)
      }
    }
  }

  /// Ends the infinite streams; their clients reconnect and authenticate again.
  /// - Parameter ended: Called for each.
  func endStreams(_ ended: @escaping @Sendable (LiveListener) -> Void) {
    queue.async { [self] in
      for (listener, subscriptions) in state.withLock({ $0.listeners }) {
        guard case .stream = listener, subscriptions.contains(where: { $0.form.end == nil }) else { continue }
        removeNow(listener)
        listener.end(code: 1012, reason: "")
        ended(listener)
      }
    }
  }

  // MARK: - Streams

  /// Responds with a stream of server-sent events that continues until the client disconnects.
  func stream(_ filter: LiveFilter, since: LivePosition?, to handle: ResponseHandle) {
    queue.async { [self] in
      do throws(StoreError) {
        let start = try replayStart(since)
        let type = [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
        handle.send(.streaming(status: 200, headers: type))
        let name = start.isRecovered ? "ready" : "reset"
        handle.send(chunk: Array("id: \(start.position)\nevent: \(name)\ndata: \(start.json.text())\n\n".utf8))
        let form = LiveForm.events(epoch: start.position.epoch)
        add(LiveSubscription(id: 0, filter, form, at: start.position.offset), for: .stream(handle))
      } catch {
        LiveHub.refuse(handle, error)
      }
    }
  }

  /// Responds with one line for each existing entry.
  func lines(_ filter: LiveFilter, after: Int64, to handle: ResponseHandle) {
    queue.async { [self] in
      do throws(StoreError) {
        // Acknowledged entries are in the journal, even if they are not yet published.
        let last = try replayStart(nil).position.offset
        handle.send(.streaming(status: 200, headers: [("Content-Type", "application/x-ndjson")]))
        add(LiveSubscription(id: 0, filter, .lines(until: last), at: after), for: .stream(handle))
      } catch {
        LiveHub.refuse(handle, error)
      }
    }
  }

  private static func refuse(_ handle: ResponseHandle, _ error: StoreError) {
    guard let context = handle.observer as? RequestContext else { return }
    Responder(handle, context).send(.storeUnavailable(error))
  }

  // MARK: - Watchers

  /// Calls `body` with each entry of an instance after `position`, on the hub's queue.
  @discardableResult
  package func watch(
    flow: String, key: String, after position: Int64, _ body: @escaping @Sendable (JournalEntry) -> Void
  ) -> LiveListener {
    let number = state.withLock { state in
      state.nextWatcher += 1
      return state.nextWatcher
    }
    let listener = LiveListener.watcher(number)
    queue.async { [self] in
      guard let filter = try? LiveFilter(flow: flow, key: key) else { return }
      add(LiveSubscription(id: 0, filter, .call(body), at: position), for: listener)
    }
    return listener
  }
}
