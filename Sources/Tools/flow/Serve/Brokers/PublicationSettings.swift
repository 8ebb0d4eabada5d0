import FlowActions
import FlowBrokers
import FlowIR
import FlowServer

/// A table `[serve.publish.NAME]` of `flow.toml`.
struct PublicationSettings {
  /// The names of its members; the first two are the targets.
  static let members = ["amqp", "redis", "routing-key", "flow", "key", "event", "type", "filter"]

  var name: String
  /// The texts of the members by their names.
  var values: [String: String]

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
    default:
      throw UsageError(
        "`\(path)` needs the exchange of an AMQP broker or the stream of Redis",
        help: "write `amqp = \"EXCHANGE\"` or `redis = \"STREAM\"`")
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
