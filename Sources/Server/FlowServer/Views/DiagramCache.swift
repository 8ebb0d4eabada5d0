import Dispatch
import FlowDiagram
import FlowMachine
import FlowRuntime
import Synchronization

/// Diagrams of flows; the layouts of Graphviz are cached by version and set of states.
final class DiagramCache: Sendable {
  /// The maximum number of cached diagrams.
  static let maximumKept = 64
  /// The timeout of a layout, in seconds.
  static let maximumSeconds = 10

  /// The time after which a failed layout is retried, in nanoseconds.
  static let retryNanoseconds: UInt64 = 60_000_000_000

  private struct Layout {
    /// Nil for a layout that failed.
    var picture: [UInt8]?
    var nanoseconds: UInt64

    func isUsable(at now: UInt64) -> Bool { picture != nil || now < nanoseconds + DiagramCache.retryNanoseconds }
  }

  /// One layout at a time; requests beyond the limit are answered without a picture.
  private let pool = WorkerPool(width: 1, limit: 64)
  private let layouts = Mutex<[String: Layout]>([:])

  /// Draws a flow as SVG, on a worker.
  /// - Parameter finish: Called with nil when `dot` is missing or has failed.
  func draw(
    _ entry: Catalogue.Entry, active: [String] = [], finish: @escaping @Sendable ([UInt8]?) -> Void
  ) {
    let name = "\(entry.hash)/\(entry.name)/\(active.joined(separator: " "))"
    if let layout = layout(name) { return finish(layout.picture) }
    let isAccepted = pool.run { [self] in
      // An earlier request may have produced the same diagram.
      if let layout = layout(name) { return finish(layout.picture) }
      let picture = Graphviz.svg(
        dot(entry.machine.program, flow: entry.flow, active: active), seconds: DiagramCache.maximumSeconds)
      layouts.withLock { layouts in
        if layouts.count >= DiagramCache.maximumKept { layouts = [:] }
        layouts[name] = Layout(picture: picture, nanoseconds: DispatchTime.now().uptimeNanoseconds)
      }
      finish(picture)
    }
    if !isAccepted { finish(nil) }
  }

  private func layout(_ name: String) -> Layout? {
    let now = DispatchTime.now().uptimeNanoseconds
    return layouts.withLock { $0[name] }.flatMap { $0.isUsable(at: now) ? $0 : nil }
  }
}
