import FlowMachine
import FlowRuntime
import FlowSource
import Testing

/// `limit N per D`: no period holds more, nothing is lost, and waiting is no try.
@Suite struct PaceTests {
  private static let text = """
    event Ask { id: string }
    action ring(id: string) { http POST "http://bell/" + id  limit 3 per 10s  retry 1 backoff 1s..1s }
    action note(id: string) { http POST "http://note/" + id }
    flow Bell {
      key id
      data { id: string }
      start on Ask -> ringing do { id = event.id  ring(id: id)  note(id: id) }
      state ringing { after 30d -> over }
      final over
    }
    """

  @Test(arguments: StoreKind.allCases) func noPeriodHoldsMore(_ kind: StoreKind) throws {
    let (store, folder) = try kind.make()
    let world = HandWorld()
    let engine = try Engine(machine: Desk.make(PaceTests.text).get(), store: store, world: world)
    for index in 0..<20 { _ = engine.take(EventCommand(event: "Ask", payload: ["id": .string("\(index)")])) }
    _ = try engine.commit()
    var rung: [Int64] = []
    var notes = 0
    for _ in 0..<80 {
      for (job, request) in engine.dispatch() {
        guard case .http(_, let url, _, _) = request.action else { continue }
        #expect(request.attempt == 1)
        if url.hasPrefix("http://bell") { rung.append(world.now()) } else { notes += 1 }
        engine.finish(job, .done(.null))
      }
      _ = try engine.commit()
      world.advance(1000)
    }
    #expect(notes == 20 && rung.count == 20)
    #expect(rung == rung.sorted())
    for (earlier, later) in zip(rung, rung.dropFirst(3)) { #expect(later - earlier >= 10_000) }
    #expect(rung[19] - rung[0] == 60_000, "and no longer than it has to be")
    withExtendedLifetime(folder) {}
  }
}
