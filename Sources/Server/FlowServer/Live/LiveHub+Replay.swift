import Dispatch
import FlowHTTP
import FlowRuntime
import Synchronization

// How subscriptions catch up with the present. All of it happens on the hub's queue.
//
// Reading takes much longer than passing on what is published, so those who are behind stand in a line: one page is
// read, then whatever has been published and asked for in the meantime has its turn, then the next page is read.
extension LiveHub {
  /// Lets a subscription read what it has missed, if there is something.
  func lineUp(_ subscription: LiveSubscription, of listener: LiveListener) {
    if hasCaughtUp(subscription, of: listener) { return }
    subscription.reading = .awaitsTurn
    let isFirst = state.withLock { $0.line.append(subscription, of: listener) }
    if isFirst { queue.async { self.readNext() } }
  }

  private func readNext() {
    let next = state.withLock { state in
      let listeners = state.listeners
      // Many may have left before it was their turn: they cost no reading.
      return state.line.next { listener, subscription in
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
      remove(listener)
      listener.end(code: 1000, reason: "")
    }
    return true
  }

  /// Sends a page of what was committed since.
  private func catchUp(_ subscription: LiveSubscription, of listener: LiveListener) {
    if hasCaughtUp(subscription, of: listener) { return }
    do throws(StoreError) {
      try sendPage(subscription, listener, until: subscription.form.end ?? lastSequence)
    } catch {
      remove(listener)
      listener.end(code: 1011, reason: "the journal could not be read")
    }
  }

  private func sendPage(
    _ subscription: LiveSubscription, _ listener: LiveListener, until present: Int64
  ) throws(StoreError) {
    let page = try page(subscription)
    var bytes = 0
    for kept in page where kept.sequence <= present && bytes < LiveHub.pageBytes {
      let entry = shown(kept)
      subscription.position = entry.sequence
      guard subscription.admits(entry) else { continue }
      var message = LiveMessage(entry)
      bytes += message.send(to: listener, subscription)
    }
    // After the last page there is nothing more up to the present.
    if page.count < LiveHub.pageSize, bytes < LiveHub.pageBytes { subscription.position = present }
    if bytes > 0, listener.notifyWhenDrained() {
      subscription.reading = .awaitsDrain
    } else {
      lineUp(subscription, of: listener)
    }
  }

  private func page(_ subscription: LiveSubscription) throws(StoreError) -> [JournalEntry] {
    guard let queries else { return [] }
    guard let flow = subscription.filter.flow, let key = subscription.filter.key else {
      return try queries.journal(after: subscription.position, limit: LiveHub.pageSize)
    }
    guard let row = try queries.instance(flow: flow, key: key) else { return [] }
    return try queries.history(instance: row.id, after: subscription.position, limit: LiveHub.pageSize)
  }
}

/// Who reads the journal next.
struct CatchUpQueue {
  private var waiting: [(subscription: LiveSubscription, listener: LiveListener)] = []
  private var first = 0
  private var isMoving = false

  /// - Returns: Whether the line has to be set in motion.
  mutating func append(_ subscription: LiveSubscription, of listener: LiveListener) -> Bool {
    waiting.append((subscription, listener))
    defer { isMoving = true }
    return !isMoving
  }

  /// The first in the line who is still there; without one it stands still.
  mutating func next(
    _ isThere: (LiveListener, LiveSubscription) -> Bool
  ) -> (subscription: LiveSubscription, listener: LiveListener)? {
    while first < waiting.count {
      let candidate = waiting[first]
      first += 1
      if first == waiting.count || first > 1024 {
        waiting.removeFirst(first)
        first = 0
      }
      if isThere(candidate.listener, candidate.subscription) { return candidate }
    }
    isMoving = false
    return nil
  }
}
