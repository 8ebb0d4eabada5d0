import FlowMachine
import FlowRuntime

extension Catalogue {
  /// The events that clients may send: all but internal ones.
  var publicEvents: [String] {
    events.filter { name in
      machines.contains { machine in machine.event(named: name).map { !machine.isInternal(event: $0) } ?? false }
    }
  }
}
