import Dispatch
import FlowDiagram
import FlowMachine
import FlowRuntime
import Synchronization

/// DiagramCache of flows; those that Graphviz lays out are made once for each version.
final class DiagramCache: Sendable {
  /// How many pictures are kept.
  static let maximumKept = 64
  /// How long a layout may take, in seconds.
  static let maximumSeconds = 10

  private let queue = DispatchQueue(label: "flow.pictures")
  private let kept = Mutex<[String: [UInt8]]>([:])

  /// Draws a flow as SVG, on a queue of its own.
  /// - Parameter finish: Gets nil when `dot` is not there, or has failed.
  func draw(
    _ entry: Catalogue.Entry, _ active: [String] = [], finish: @escaping @Sendable ([UInt8]?) -> Void
  ) {
    let name = "\(entry.hash)/\(entry.name)/\(active.joined(separator: " "))"
    if let picture = kept.withLock({ $0[name] }) { return finish(picture) }
    queue.async { [self] in
      let picture = Graphviz.svg(
        dot(entry.machine.program, flow: entry.flow, active: active), seconds: DiagramCache.maximumSeconds)
      kept.withLock { kept in
        if kept.count >= DiagramCache.maximumKept { kept = [:] }
        kept[name] = picture
      }
      finish(picture)
    }
  }
}
