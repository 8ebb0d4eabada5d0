import FlowHTTP
import Testing

@testable import FlowServer

@Suite("The header of forwarded requests") struct HopTests {
  private let secret = Array("a secret of the nodes".utf8)

  private func request(_ header: String?, target: String = "/v1/events", method: String = "POST") -> HTTPRequest {
    HTTPRequest(
      method: method, target: target, headers: HTTPHeaders(header.map { [("Flow-Hop", $0)] } ?? []),
      remoteAddress: "10.0.0.9")
  }

  @Test("a header is valid for its method and target only, and with the secret only")
  func signature() throws {
    let hop = Hop(client: "203.0.113.7")
    let value = hop.value(method: "POST", target: "/v1/events", secret: secret)
    #expect(Hop(request(value), secret: secret) == hop)
    #expect(Hop(request(value, target: "/v1/events?x"), secret: secret) == nil)
    #expect(Hop(request(value, method: "PUT"), secret: secret) == nil)
    #expect(Hop(request(value), secret: Array("another secret".utf8)) == nil)
    #expect(Hop(request(value.replacing("203.0.113.7", with: "203.0.113.8")), secret: secret) == nil)
    #expect(Hop(request(value.replacing(hop.key, with: "k")), secret: secret) == nil)
    for wrong in ["1", "", "1 - key", "1 - key 00", value + " x", "2" + value.dropFirst()] {
      #expect(Hop(request(wrong), secret: secret) == nil, "\(wrong)")
    }
    #expect(Hop(request(nil), secret: secret) == nil)
  }

  @Test("the address of a client cannot contain a separator, and may be missing")
  func client() {
    #expect(Hop(client: "1.2.3.4 k 00").client == "1.2.3.4k00")
    #expect(Hop(client: "fe80::1%eth0").client == "fe80::1%eth0")
    let value = Hop(client: "").value(method: "POST", target: "/v1/events", secret: secret)
    #expect(Hop(request(value), secret: secret)?.client == "")
  }

  @Test("reads, events, webhooks and completions of jobs can be repeated, operations cannot")
  func repeatable() {
    let repeatable = [
      ("GET", "/v1/flows"), ("HEAD", "/v1/flows"), ("POST", "/v1/events"), ("POST", "/v1/flows/F/instances"),
      ("POST", "/v1/flows/F/instances/k/events"), ("POST", "/v1/hooks/F/Paid"), ("POST", "/v1/jobs/7/complete"),
      ("POST", "/v1/jobs/7/heartbeat"), ("POST", "/v1/flows/F/simulate"),
    ]
    for (method, path) in repeatable { #expect(StandbyAccess.isRepeatable(method: method, path: path), "\(path)") }
    let others = [
      ("POST", "/v1/jobs/claim"), ("POST", "/v1/flows/F/instances/k/cancel"), ("PUT", "/v1/flows/F"),
      ("DELETE", "/v1/flows/F"), ("POST", "/v1/batches"), ("POST", "/unknown"),
    ]
    for (method, path) in others { #expect(!StandbyAccess.isRepeatable(method: method, path: path), "\(path)") }
  }
}
