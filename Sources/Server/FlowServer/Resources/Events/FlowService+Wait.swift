import Dispatch
import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

// `Prefer: wait=10`: the response to an event follows when the instance is quiescent or in a state, or at the timeout.
extension FlowService {
  /// Responds when the instance has no work in progress, or has reached the state of the preference.
  func answer(
    _ answer: EventAnswer, after preference: WaitPreference, request: RouteRequest, access: ReadAccess
  ) {
    let waiter = InstanceWaiter(answer, preference, request: request, access: access)
    let listener = live.watch(flow: answer.flow, key: answer.key, after: answer.sequence) { [self] entry in
      if entry.kind == .step { waiter.note(entry.body["to"]?.array?.compactMap(\.string) ?? []) }
      inspect(waiter)
    }
    waiter.attach(listener)
    inspect(waiter)
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(preference.seconds)) { [self] in
      waiter.expire()
      inspect(waiter)
    }
  }

  /// Reads the instance, once for all entries that arrive meanwhile.
  private func inspect(_ waiter: InstanceWaiter) {
    guard waiter.beginRead() else { return }
    reader.read { [self] queries in
      repeat {
        let isLast = waiter.isExpired
        let view: InstanceView?
        do throws(StoreError) {
          view = try self.view(
            (waiter.answer.flow, waiter.answer.key), queries: queries, access: waiter.access)
          if view == nil { return waiter.finishUnread(live) }
        } catch {
          view = nil
        }
        if isLast || waiter.hasLeft || waiter.isSatisfied(by: view) { waiter.finish(view, live) }
      } while waiter.mustReadAgain()
    }
  }
}

/// A client that waits for an instance to become quiescent, or to reach a state.
private final class InstanceWaiter: Sendable {
  private struct State {
    var hasReached = false
    var isOver = false
    var isExpired = false
    var isReading = false
    var isStale = false
    var listener: LiveListener?
  }

  let answer: EventAnswer
  private let preference: WaitPreference
  private let request: RouteRequest
  let access: ReadAccess
  private let state = Mutex(State())

  init(_ answer: EventAnswer, _ preference: WaitPreference, request: RouteRequest, access: ReadAccess) {
    self.access = access
    self.answer = answer
    self.preference = preference
    self.request = request
    note(answer.to)
  }

  /// Records the active states after a step.
  func note(_ states: [String]) {
    if preference.isReached(by: states) { state.withLock { $0.hasReached = true } }
  }

  /// An instance that has ended reaches nothing more.
  func isSatisfied(by view: InstanceView?) -> Bool {
    guard preference.state != nil else { return view?.isQuiet == true }
    if let view { note(view.states) }
    return state.withLock { $0.hasReached } || view.map { $0.row.status != .running } ?? false
  }

  var isExpired: Bool { state.withLock { $0.isExpired } }

  /// True if the client has disconnected.
  var hasLeft: Bool { request.http.peer?.hasEnded ?? false }

  func attach(_ listener: LiveListener) { state.withLock { $0.listener = listener } }

  func expire() { state.withLock { $0.isExpired = true } }

  /// - Returns: False when a read is in progress, which is then repeated, or when the wait has ended.
  func beginRead() -> Bool {
    state.withLock { state in
      if state.isOver { return false }
      defer { state.isReading = true }
      if state.isReading { state.isStale = true }
      return !state.isReading
    }
  }

  /// Ends a read.
  /// - Returns: True if entries arrived since it started.
  func mustReadAgain() -> Bool {
    state.withLock { state in
      defer { state.isStale = false }
      if state.isStale, !state.isOver { return true }
      state.isReading = false
      return false
    }
  }

  /// Responds, once, without waiting: the client may not read the instance, or it exists no longer.
  func finishUnread(_ live: LiveHub) {
    guard let listener = end() else { return }
    if let listener { live.remove(listener) }
    request.respond.send(answer.response)
  }

  /// Ends the wait.
  /// - Returns: The listener; nil if the wait has ended before.
  private func end() -> LiveListener?? {
    state.withLock { state in
      defer { state.isOver = true }
      return state.isOver ? nil : .some(state.listener)
    }
  }

  /// Responds, once: with 202 when the instance is not yet quiescent, or has not reached the state.
  func finish(_ view: InstanceView?, _ live: LiveHub) {
    let isSatisfied = isSatisfied(by: view)
    guard let listener = end() else { return }
    let hasReached = state.withLock { $0.hasReached }
    if let listener { live.remove(listener) }
    let isQuiet = view?.isQuiet ?? false
    var response = answer.response
    if !isSatisfied { response.status = 202 }
    response.headers.append(("Preference-Applied", preference.text))
    var more: [JSON.Member] = [.init("quiet", .bool(isQuiet)), .init("instance", view?.json ?? .null)]
    if preference.state != nil { more.append(.init("reached", .bool(hasReached))) }
    response.body = JSON.object((answer.json.members ?? []) + more).bytes() + [0x0A]
    request.respond.send(response)
  }
}
