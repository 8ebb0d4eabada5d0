import CEL
import FlowIR

// Deferred events: for each event, whether one or more are deferred.
extension Executor {
  /// The number of deferred events in a row that are followed as a whole.
  private static let maximumOffers = 16

  func deferEvent(_ event: EventIndex) throws(PathStop) {
    guard let position = model.deferrable.firstIndex(of: event) else { return }
    let cell = layout.deferred + position
    if cells[cell] != 0, choose(2, isFree: false) == 1 { throw .refused(.tooManyDeferred) }
    cells[cell] = 1
  }

  /// Offers deferred events that the active states no longer defer, in any order, each in a macrostep of its own.
  func offerDeferred() throws(PathStop) {
    var offers = 0
    while cells[layout.status] == 0 {
      let waiting = model.deferrable.indices.filter {
        cells[layout.deferred + $0] != 0 && isOffered(model.deferrable[$0])
      }
      guard !waiting.isEmpty else { return }
      offers += 1
      if offers > 1 { try pause(in: .offering) }
      if offers > Executor.maximumOffers {
        wantsSegments = true
        throw .givenUp
      }
      // Guards may defer all of them again.
      let mayStop = waiting.allSatisfy { mayBeDeferred(model.deferrable[$0]) }
      let answer = choose(waiting.count + (mayStop ? 1 : 0), isFree: false)
      if answer == waiting.count { return }
      // It may have been the last one of its event.
      let isLast = choose(2, isFree: false) == 0
      let before = (cells, environment)
      try offer(waiting[answer], isLast: isLast)
      // More events of the kind would change nothing, as this one did.
      if !isLast, before.0 == cells, before.1 == environment { throw .infeasible }
    }
  }

  /// True if an event may be taken, ignored or refused in the active states.
  private func isOffered(_ event: EventIndex) -> Bool {
    let rows = (model.reactions[.event(event)] ?? []).filter { isActive($0.state) }
    let isTaken = rows.contains { !$0.exact.isEmpty || $0.reply == .ignore || $0.reply == .no && !$0.any.isEmpty }
    return isTaken || !rows.contains { $0.reply == .defer }
  }

  private func mayBeDeferred(_ event: EventIndex) -> Bool {
    (model.reactions[.event(event)] ?? []).contains { isActive($0.state) && $0.reply == .defer }
  }

  private func offer(_ position: Int, isLast: Bool) throws(PathStop) {
    let offered = model.deferrable[position]
    let saved = Checkpoint(self)
    event = fresh(.record(model.program.events[offered].name), isFree: false)
    caller = nil
    // The sender of a deferred event is not followed.
    sender = nil
    admissions.removeAll()
    hasCaller = choose(2, isFree: false) == 0
    isOffering = true
    defer { isOffering = false }
    do throws(PathStop) {
      try select(.event(offered))
      if selected.isEmpty, isDeferred {
        // Deferred again: the other ways through the step offer the rest.
        throw PathStop.infeasible
      }
      if isLast { cells[layout.deferred + position] = 0 }
      if selected.isEmpty {
        if isIgnored { return }
        throw PathStop.refused(.notHandled)
      }
      let total = microsteps
      microsteps = 0
      try microstep()
      try settle()
      try checkInvariants()
      microsteps += total
    } catch {
      guard case .refused(let refusal) = error else { throw error }
      if refusal.isMistake { refusedOffers.append(refusal) }
      saved.restore(self)
      if isLast { cells[layout.deferred + position] = 0 }
    }
  }

  /// The state of a step between two macrosteps.
  private struct Checkpoint {
    let cells: [Int32]
    let environment: [TermIndex]
    let starting: [CallIndex]
    let isDataChanged: Bool
    let microsteps: Int
    let taken: Int
    let emissions: Int

    init(_ executor: Executor) {
      cells = executor.cells
      environment = executor.environment
      starting = executor.starting
      isDataChanged = executor.isDataChanged
      microsteps = executor.microsteps
      taken = executor.taken.count
      emissions = executor.emissions.count
    }

    func restore(_ executor: Executor) {
      executor.cells = cells
      executor.environment = environment
      executor.starting = starting
      executor.isDataChanged = isDataChanged
      executor.microsteps = microsteps
      executor.taken.removeLast(executor.taken.count - taken)
      executor.emissions.removeLast(executor.emissions.count - emissions)
      executor.queue.removeAll()
    }
  }
}
