// The end of a loop: idle connections are closed, requests in progress come to their answer, and new ones are refused.
extension EventLoop {
  var hasStopped: Bool {
    guard let stopsAt, let closesAt else { return false }
    if openCount == lateCount || now.milliseconds >= stopsAt { return true }
    return now.milliseconds >= closesAt && !slots.contains { !$0.isLate && $0.connection?.isBusy == true }
  }

  func beginStop() {
    guard stopsAt == nil else { return }
    // Requests that have arrived, and were not read yet, are still answered.
    acceptWaiting()
    stopsAt = now.milliseconds + configuration.timeouts.shutdownMilliseconds
    closesAt = now.milliseconds + configuration.timeouts.closeMilliseconds
    for index in slots.indices {
      guard let connection = slots[index].connection else { continue }
      if connection.isIdle { receive(for: connection, slots[index]) }
      // Nothing is lost with an idle connection, so its end is not awaited.
      if connection.isIdle {
        slots[index].tls?.sayGoodbye(on: slots[index].socket, scratch: scratch)
        connection.abort()
      } else {
        connection.shutDown(now: now)
      }
      touch(index)
    }
  }
}
