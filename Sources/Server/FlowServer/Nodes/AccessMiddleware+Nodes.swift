import FlowCrypto
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// Requests of other nodes to the owner of the store. They are no part of the API: a signature of the nodes takes the
// place of a key, and covers the body by its digest in the query.
extension AccessMiddleware {
  /// The response to a request of a node whose body is not the signed one.
  static let notANode = HTTPResponse.problem(.forbidden("this resource is for the nodes of the store"))

  /// True if another node has made the request itself. One that it forwards for a client has another signature.
  func isFromNode(_ request: HTTPRequest) -> Bool {
    guard request.path.hasPrefix(NodeRequest.prefix), let secret = settings.nodeSecret else { return false }
    return Hop(request, secret: NodeRequest.key(secret)) != nil
  }

  /// Answers another node.
  func handle(node request: HTTPRequest, _ respond: ResponseHandle) {
    guard let query = try? RouteRequest.query(of: request),
      request.body.isEmpty || query[NodeRequest.digest] == Digest(of: request.body).hexadecimal
    else { return respond.send(AccessMiddleware.notANode) }
    switch (request.method, request.path) {
    case ("GET", NodeRequest.journal): followJournal(query, respond)
    case ("POST", NodeRequest.calls): claimCalls(request, respond)
    case ("POST", NodeRequest.results): acceptResults(request, respond)
    default: respond.send(.problem(.notFound("the owner runs another version of Flow")))
    }
  }

  /// Answers when there is news of the journal or of the served flows.
  private func followJournal(_ query: Parameters, _ respond: ResponseHandle) {
    let milliseconds = min(max(query["wait"].flatMap { Int($0) } ?? 0, 0), NodeRequest.longestWait)
    service.live.follow(
      after: query["after"].flatMap { Int64($0) } ?? 0, change: query["change"] ?? "", milliseconds: milliseconds
    ) { respond.send(.json($0.json)) }
  }

  /// Leases calls of actions to a node that has the same settings for them.
  private func claimCalls(_ request: HTTPRequest, _ respond: ResponseHandle) {
    guard let body = try? JSON(parsing: request.body), let node = body["node"]?.string, let limit = body["limit"]?.int
    else {
      return respond.send(.problem(.badRequest("this is not a claim")))
    }
    let offer = NodeSettings.Offer(body)
    let equal = settings.nodeSettings?.equalVariables(offer) ?? []
    let hasSettings = settings.nodeSettings.map { $0.digest == offer.settings }
    let variables = service.actionVariables
    // A node that does not know yet which variables matter asks again.
    let wait = variables.isSubset(of: offer.known) ? min(max(body["wait"]?.int ?? 0, 0), NodeRequest.longestWait) : 0
    let claim = CallClaim(node: node, limit: max(limit, 0), waitMilliseconds: Int64(wait)) { definition, action in
      hasSettings == true && !offer.excluded.contains(definition) && action.environment.allSatisfy(equal.contains)
    }
    service.engine.claimCalls(claim) { result in
      switch result {
      case .failure(let problem): respond.send(.problem(problem.problem))
      case .success(let calls):
        respond.send(
          .json([
            "items": .array(calls.map(\.json)), "variables": .array(variables.sorted().map { .string($0) }),
            "hasSettings": .bool(hasSettings ?? true),
          ]))
      }
    }
  }

  private func acceptResults(_ request: HTTPRequest, _ respond: ResponseHandle) {
    guard let report = (try? JSON(parsing: request.body)).flatMap(CallReport.init) else {
      return respond.send(.problem(.badRequest("this is not a report")))
    }
    service.engine.accept(report) { result in
      switch result {
      case .failure(let problem): respond.send(.problem(problem.problem))
      case .success: respond.send(.json(["accepted": true]))
      }
    }
  }
}

extension FlowService {
  /// The variables of the environment that actions of the served flows use.
  fileprivate var actionVariables: Set<String> {
    Set(catalogue.machines.flatMap { $0.program.actions.flatMap(\.environment) })
  }
}

/// A request of a node to the owner of the store.
public enum NodeRequest {
  static let prefix = "/nodes/"
  /// The parameter with the digest of the body.
  static let digest = "body"
  /// The path at which a node waits for news of the journal.
  public static let journal = "/nodes/journal"
  /// The path at which a node asks for calls of actions.
  public static let calls = "/nodes/calls"
  /// The path at which a node reports the calls that it runs, and their results.
  public static let results = "/nodes/results"
  /// The longest time that a node waits for news or calls, in milliseconds.
  public static let longestWait = 10_000

  /// The key of signatures. Nodes sign requests that they forward with the secret itself, so that no client can make
  /// one of theirs.
  static func key(_ secret: [UInt8]) -> [UInt8] { hmac(of: Array("flow node request".utf8), secret: secret) }

  /// The target and the header `Flow-Hop` of a request.
  /// - Parameters:
  ///   - target: The path with its query.
  ///   - secret: The secret of the nodes.
  public static func sign(
    method: String, target: String, body: [UInt8], secret: [UInt8]
  ) -> (target: String, header: String) {
    var target = target
    if !body.isEmpty { target += (target.contains("?") ? "&" : "?") + "\(digest)=\(Digest(of: body).hexadecimal)" }
    let hop = Hop(client: "").value(method: method, target: target, secret: key(secret))
    return (target, "\(Hop.header): \(hop)")
  }
}
