import Dispatch
import FlowRuntime

/// Tells the service manager that the engine still works, by asking it each time.
final class Watchdog {
  private let timer: any DispatchSourceTimer

  /// Nil when nobody wants to know.
  init?(_ engine: EngineThread) {
    guard let milliseconds = Systemd.watchdogMilliseconds else { return nil }
    timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: .now(), repeating: .milliseconds(milliseconds))
    timer.setEventHandler { engine.ping { Systemd.notify("WATCHDOG=1") } }
    timer.resume()
  }

  func stop() { timer.cancel() }
}
