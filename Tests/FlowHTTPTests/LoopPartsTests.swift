import Glibc
import Testing

@testable import FlowHTTP

/// Yields to other threads for a millisecond.
func rest() { usleep(1_000) }

/// Waits at most a minute for a condition that other threads fulfil.
func wait(until isTrue: () -> Bool) throws {
  for _ in 0..<60_000 {
    if isTrue() { return }
    rest()
  }
  try #require(isTrue())
}

@Suite("Parts of the event loop") struct LoopPartsTests {
  /// The number of signals of the inbox since the last call.
  private func signals(of inbox: Inbox) -> UInt64 {
    var count: UInt64 = 0
    return read(inbox.wakeup, &count, 8) == 8 ? count : 0
  }

  @Test("several deliveries wake the loop once") func burst() throws {
    let inbox = try #require(Inbox(limit: 10_000))
    let handle = ResponseHandle(inbox: inbox, target: Inbox.Target(slot: 0, generation: 1))
    handle.send(HTTPResponse(status: 200))
    #expect(signals(of: inbox) == 0, "the loop is awake")
    var deliveries: [Inbox.Delivery] = []
    #expect(!inbox.prepareToSleep())
    #expect(!inbox.drain(into: &deliveries))
    #expect(deliveries.count == 1)
    #expect(inbox.prepareToSleep())
    for _ in 0..<1_000 { handle.send(HTTPResponse(status: 200)) }
    #expect(signals(of: inbox) == 1)
  }

  @Test("an overflow of the inbox drops frames, keeps responses and is reported") func overflow() throws {
    let inbox = try #require(Inbox(limit: 2))
    let target = Inbox.Target(slot: 0, generation: 1)
    for _ in 0..<3 { inbox.post(.frame(.ping, target)) }
    inbox.post(.respond(HTTPResponse(status: 200), target))
    var deliveries: [Inbox.Delivery] = []
    #expect(inbox.drain(into: &deliveries))
    #expect(deliveries.count == 3)
    deliveries = []
    #expect(!inbox.drain(into: &deliveries))
    inbox.close()
    inbox.post(.shutDown)
    #expect(!inbox.drain(into: &deliveries) && deliveries.isEmpty)
  }

  @Test("timers expire in order") func timers() {
    var timers = TimerLists()
    timers.set(0, to: (.idle, 100))
    timers.set(1, to: (.request, 20))
    timers.set(2, to: (.request, 30))
    timers.set(3, to: (.request, 30))
    timers.set(1, to: (.request, 40))
    timers.set(2, to: nil)
    #expect(timers.nextDue == 30)
    #expect(timers.popDue(now: 29) == nil)
    #expect(timers.popDue(now: 100) == 3)
    #expect(timers.popDue(now: 100) == 1)
    #expect(timers.popDue(now: 100) == 0)
    #expect(timers.popDue(now: 100) == nil)
    #expect(timers.nextDue == nil)
  }

  @Test("the Date header has the format of RFC 9110") func date() {
    var date = HTTPDate()
    date.update(second: 784_111_777)
    #expect(date.line == Array("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".utf8))
  }

  @Test("the output buffer keeps its order in writes of any size", arguments: [0, 1, 10, 3_000])
  func outputBuffer(step: Int) {
    var output = OutputBuffer()
    output.write { $0 += [1, 2, 3] }
    var expected: [UInt8] = [1, 2, 3]
    for number in 0..<2_500 {
      let frame = EncodedFrame(binary: [UInt8(number % 256), 9])
      output.append(frame)
      expected += frame.bytes
    }
    var actual: [UInt8] = []
    while !output.isEmpty {
      let part = [UInt8](unsafeUninitializedCapacity: step + 1) { $1 = output.gather(into: $0) }
      actual += part
      output.consume(part.count)
    }
    #expect(actual == expected)
  }
}
