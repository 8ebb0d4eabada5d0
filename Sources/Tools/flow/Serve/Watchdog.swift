import Dispatch
import FlowRuntime

/// Notifies the service manager while the engine responds.
final class Watchdog {
  private let timer: any DispatchSourceTimer

  /// Nil when the service manager has no watchdog for this process.
  init?(_ engine: EngineThread) {
    guard let milliseconds = Systemd.watchdogMilliseconds else { return nil }
    timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: .now(), repeating: .milliseconds(milliseconds))
    timer.setEventHandler { engine.ping { Systemd.notify("WATCHDOG=1") } }
    timer.resume()
  }

  func stop() { timer.cancel() }
}
