import FlowActions
import FlowBrokers
import FlowIR
import FlowServer
import FlowSource

/// A table `[serve.publish.NAME]` of `flow.toml`.
struct PublicationSettings {
  /// The names of its members; the first two are the targets.
  static let members = ["amqp", "redis", "routing-key", "flow", "key", "event", "type", "filter"]

  var name: String
  /// The texts of the members by their names.
  var values: [String: String]

  /// The flow and the event of the filter that no program declares, with a suggestion: entries would never match.
  func unknownNames(in programs: [Program]) -> [String] {
    let known = ["flow": programs.flatMap(\.flows).map(\.name), "event": programs.flatMap(\.events).map(\.name)]
    return ["flow", "event"].compactMap { member in
      guard let name = values[member], let names = known[member], !names.contains(name) else { return nil }
      let guess = Suggestion.closest(to: name, among: names).first.map { ", did you mean `\($0)`?" } ?? ""
      return "`serve.publish.\(self.name).\(member)`: the served files declare no \(member) `\(name)`\(guess)"
    }
  }

  /// The publication, with the URL of its broker from the environment.
  /// - Throws: `UsageError` for a table without a target or with two, an invalid filter, or a broker that is not
  ///   configured.
  func publication(_ settings: ActionSettings) throws(UsageError) -> Publication {
    let path = "serve.publish.\(name)"
    let broker: BrokerQueue.Broker
    let target: PublicationTarget
    switch (values["amqp"], values["redis"]) {
    case (let exchange?, nil): (broker, target) = (.amqp, .exchange(exchange))
    case (nil, let stream?): (broker, target) = (.redis, .stream(stream))
    case (.some, .some):
      throw UsageError("`\(path)` has two targets: `amqp` and `redis`", help: "write a table for each")
    default:
      throw UsageError(
        "`\(path)` needs the exchange of an AMQP broker or the stream of Redis",
        help: "write `amqp = \"EXCHANGE\"` or `redis = \"STREAM\"`")
    }
    guard values["routing-key"] == nil || broker == .amqp else {
      throw UsageError("`\(path).routing-key`: a stream of Redis has no routing keys", help: "remove it")
    }
    let binding = ActionOptions.binding(of: broker)
    guard let url = settings.servers[binding] else {
      throw UsageError(
        "`\(path)`: no broker is configured for `\(broker.rawValue)`",
        help: ActionOptions.servers[binding].map { "set \($0)" })
    }
    do throws(FeedFilter.Invalid) {
      let filter = try FeedFilter(
        flow: values["flow"], key: values["key"], event: values["event"], kind: values["type"],
        condition: values["filter"])
      return Publication(name: name, target: target, url: url, filter: filter, routingKey: values["routing-key"])
    } catch {
      throw UsageError("`\(path)`: \(error.message)")
    }
  }
}
