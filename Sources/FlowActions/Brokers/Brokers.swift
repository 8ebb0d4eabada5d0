import FlowIR
import FlowRuntime
import FlowSource

/// The bindings that hold connections of their own: each is there in a build with its trait.
final class Brokers: Sendable {
  init(_ settings: ActionSettings) {}

  /// The trait of the package that a binding needs and this build does not have; nil when nothing is missing.
  static func missingTrait(for kind: Binding.Kind) -> String? {
    switch kind {
    case .publish: "AMQP"
    case .redis: "Redis"
    case .sql: "Postgres"
    case .email, .exec: nil
    }
  }

  func run(
    _ kind: Binding.Kind, _ settings: JSON, _ request: JobRequest, _ finish: @escaping @Sendable (JobOutcome) -> Void
  ) {
    finish(.impossible(code: "NO_RUNNER", message: "this build can't do `\(kind.rawValue)`"))
  }

  func stop() {}
}
