import FlowIR

extension Engine {
  /// Refuses what the engine does not carry out yet: better before the first event than in the middle of a run.
  static func requireRunnable(_ program: Program) throws(EngineError) {
    for flow in program.flows {
      for call in flow.calls where call.action == nil {
        throw notYet("the call of a flow", call.place)
      }
      for start in flow.starts {
        switch start.trigger {
        case .every, .cron: throw notYet("a scheduled start", start.place)
        case .event, .called: break
        }
      }
    }
  }

  private static func notYet(_ what: String, _ place: Place) -> EngineError {
    EngineError(message: "\(place): \(what) can be compiled, but not be served by this version")
  }
}
