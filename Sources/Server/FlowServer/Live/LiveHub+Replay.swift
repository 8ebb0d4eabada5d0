import Dispatch
import FlowHTTP
import FlowRuntime
import Synchronization

// Replay of earlier entries, on the hub's queue.
//
// Reading is much slower than forwarding published entries, so that subscriptions that are behind form a queue: one
// page is read, then all entries published and requests received meanwhile are handled, then the next page is read.
extension LiveHub {
  /// Queues a subscription that is behind for its next page.
  func enqueue(_ subscription: LiveSubscription, of listener: LiveListener) {
    if hasCaughtUp(subscription, of: listener) { return }
    subscription.reading = .awaitsTurn
    let isFirst = state.withLock { $0.catchUps.append(subscription, of: listener) }
    if isFirst { queue.async { self.readNext() } }
  }

  private func readNext() {
    let next = state.withLock { state in
      let listeners = state.listeners
      // Listeners that have disconnected meanwhile are skipped without reading.
      return state.catchUps.next { listener, subscription in
        listeners[listener]?.contains { $0 === subscription } ?? false
      }
    }
    guard let (subscription, listener) = next else { return }
    subscription.reading = .no
    catchUp(subscription, of: listener)
    queue.async { self.readNext() }
  }

  private func hasCaughtUp(_ subscription: LiveSubscription, of listener: LiveListener) -> Bool {
    if subscription.position < subscription.form.end ?? lastSequence { return false }
    subscription.reading = .no
    if subscription.form.end != nil {
      removeNow(listener)
      listener.end(code: 1000, reason: "")
    } else {
      let member = LiveIndex.Member(listener: listener, subscription: subscription, after: subscription.position)
      state.withLock { $0.live.insert(member) }
    }
    return true
  }

  /// Sends the next page of missed entries.
  private func catchUp(_ subscription: LiveSubscription, of listener: LiveListener) {
    if hasCaughtUp(subscription, of: listener) { return }
    do throws(StoreError) {
      try sendPage(subscription, listener, until: subscription.form.end ?? lastSequence)
    } catch {
      removeNow(listener)
      listener.end(code: 1011, reason: "the journal could not be read")
    }
  }

  private func sendPage(
    _ subscription: LiveSubscription, _ listener: LiveListener, until present: Int64
  ) throws(StoreError) {
    let page = try page(subscription)
    var bytes = 0
    var isCut = false
    let end = DispatchTime.now().uptimeNanoseconds + LiveHub.pageNanoseconds
    for kept in page where kept.sequence <= present && !isCut {
      isCut = bytes >= LiveHub.pageBytes || DispatchTime.now().uptimeNanoseconds >= end
      if isCut { break }
      let whole = shown(kept)
      let entry = subscription.filter.restricted(whole) ?? whole
      subscription.position = entry.sequence
      guard subscription.admits(entry, self) else { continue }
      var message = LiveMessage(entry)
      bytes += message.send(to: listener, subscription)
    }
    // The last page ends at the current position.
    if !page.hasMore, !isCut { subscription.position = present }
    if bytes > 0, listener.notifyWhenDrained() {
      subscription.reading = .awaitsDrain
    } else {
      enqueue(subscription, of: listener)
    }
  }

  private func page(_ subscription: LiveSubscription) throws(StoreError) -> RowPage<JournalEntry> {
    let nothing = RowPage<JournalEntry>(limit: LiveHub.pageSize)
    guard let queries else { return nothing }
    guard let flow = subscription.filter.flow, let key = subscription.filter.key else {
      return try queries.journal(after: subscription.position, limit: LiveHub.pageSize)
    }
    guard let row = try queries.instance(flow: flow, key: key) else { return nothing }
    return try queries.history(instance: row.id, after: subscription.position, limit: LiveHub.pageSize)
  }
}

/// The order in which subscriptions read the journal.
struct CatchUpQueue {
  private var waiting: [(subscription: LiveSubscription, listener: LiveListener)] = []
  private var first = 0
  private var isActive = false

  /// - Returns: Whether the queue was idle.
  mutating func append(_ subscription: LiveSubscription, of listener: LiveListener) -> Bool {
    waiting.append((subscription, listener))
    defer { isActive = true }
    return !isActive
  }

  /// The first subscription that still exists; nil when there are none, and the queue becomes idle.
  mutating func next(
    where exists: (LiveListener, LiveSubscription) -> Bool
  ) -> (subscription: LiveSubscription, listener: LiveListener)? {
    while first < waiting.count {
      let candidate = waiting[first]
      first += 1
      if first == waiting.count || first > 1024 {
        waiting.removeFirst(first)
        first = 0
      }
      if exists(candidate.listener, candidate.subscription) { return candidate }
    }
    isActive = false
    return nil
  }
}
