import FlowClient
import FlowJSON
import FlowServer

/// The connection of a thread of this node to the owner of the store, which may change from request to request.
struct OwnerConnection {
  let secret: [UInt8]
  private var current: (owner: String, client: Client)?

  /// - Parameter secret: The secret of the nodes.
  init(secret: [UInt8]) { self.secret = secret }

  /// - Returns: The response; nil when the owner has not accepted the request.
  mutating func send(
    _ method: String, to path: String, _ body: [UInt8]? = nil, at owner: String, seconds: Int
  ) -> JSON? {
    let request = NodeRequest.sign(method: method, target: path, body: body ?? [], secret: secret)
    if current?.owner != owner { current = (owner, Client(base: owner, key: nil, usesProxy: false)) }
    let response = try? current?.client.send(
      method, to: request.target, body: body, headers: [request.header], seconds: seconds)
    return response.flatMap { $0.status == 200 ? $0.json : nil }
  }
}
