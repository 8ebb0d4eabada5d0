import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// TLS with `curl`, Python and OpenSSL's client.
@Suite("TLS", .serialized) struct TLSTests {
  private let folder: TestFolder
  private var certificate: String { folder.url.appending(path: "cert.pem").path }
  private var key: String { folder.url.appending(path: "key.pem").path }

  init() throws {
    folder = try TestFolder()
    try makeCertificate(serial: "1")
  }

  private func makeCertificate(serial: String) throws {
    let made = try runProgram(
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
      "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-set_serial", serial,
      "-keyout", key, "-out", certificate)
    try #require(made.code == 0)
  }

  private func serve() throws -> ServerProcess {
    try ServerProcess([
      EndToEndTests.order, "--store", folder.store, "--tls-cert", certificate, "--tls-key", key,
    ])
  }

  @Test("curl is served over TLS 1.2 and 1.3 only") func curl() throws {
    let server = try serve()
    let url = "https://localhost:\(server.port)/livez"
    for version in ["--tlsv1.2", "--tlsv1.3"] {
      let answer = try runProgram("curl", "-sS", "--fail", version, "--cacert", certificate, url)
      #expect(answer.code == 0 && answer.output == "ok\n")
    }
    let old = try runProgram("curl", "-sS", "--tls-max", "1.1", "--ciphers", "ALL@SECLEVEL=0", "-k", url)
    #expect(old.code == 35)
    let plain = try runProgram("curl", "-sS", "http://localhost:\(server.port)/livez")
    #expect(plain.code != 0)
  }

  @Test("an unknown ALPN protocol fails the handshake") func unknownProtocol() throws {
    let server = try serve()
    let answer = try runProgram(
      "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-alpn", "h2", "-brief")
    #expect(answer.code != 0)
  }

  @Test("requests and WebSockets are served over TLS") func requestsAndSockets() throws {
    let server = try serve()
    let relay = try Script("tls_relay.py", [String(server.port), certificate])
    let port = relay.port()
    // Under load the relay may be too slow for the time limit of a request head.
    var socket: WebSocketClient?
    for _ in 0..<5 where socket == nil { socket = try? WebSocketClient(port: port, path: "/v1/live?since=0") }
    let live = try #require(socket)
    #expect(try live.receive()["ok"] != nil)
    let client = HTTPClient(port: port)
    for index in 0..<200 {
      let item: JSON = ["sku": .string(String(repeating: "x", count: 1000)), "qty": 1, "price": .double(1)]
      let body: JSON = [
        "event": "Placed",
        "data": [
          "order_id": .string("o\(index)"), "email": "a@b.c", "items": .array(Array(repeating: item, count: 20)),
        ],
      ]
      #expect(try client.send("POST", "/v1/flows/Order/instances", body).status == 201)
    }
    let list = try client.send("GET", "/v1/flows/Order/instances?limit=500")
    #expect(list.json["items"]?.array?.count == 200)
    var last = 0
    while last < 200 { last = try #require(try live.receive()["offset"]?.int) }
  }

  @Test("SIGHUP reloads the certificate; an invalid file keeps the previous one") func reload() throws {
    let server = try serve()
    #expect(try serial(server) == "serial=01")
    try makeCertificate(serial: "2")
    server.send(SIGHUP)
    #expect(try eventually { try serial(server) == "serial=02" })
    try "no certificate".write(toFile: certificate, atomically: true, encoding: .utf8)
    server.send(SIGHUP)
    #expect(eventually { server.log.contains("the certificate was not reloaded") })
    #expect(try serial(server) == "serial=02")
  }

  private func serial(_ server: ServerProcess) throws -> String {
    let command =
      "openssl s_client -connect 127.0.0.1:\(server.port) </dev/null 2>/dev/null | openssl x509 -noout -serial"
    return try runProgram("sh", "-c", command).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  @Test("A client that updates its keys again and again is ended; a few updates are served")
  func keyUpdatesAreLimited() throws {
    let server = try serve()
    for (updates, isServed) in [(10, true), (160, false)] {
      // The client of OpenSSL updates its key for a line that begins with `k`, one for each read.
      let command = """
        (sleep 1; i=0; while [ $i -lt \(updates) ]; do echo k; i=$((i+1)); sleep 0.04; done; sleep 1
        printf 'GET /livez HTTP/1.1\\nHost: localhost\\nConnection: close\\n\\n'; sleep 1) |
        openssl s_client -connect 127.0.0.1:\(server.port) -tls1_3 -crlf 2>/dev/null
        """
      let output = try runProgram("sh", "-c", command).output
      #expect(output.contains("HTTP/1.1 200") == isServed, "\(updates) updates: \(output)")
    }
    #expect(try runProgram("curl", "-sS", "--cacert", certificate, "https://localhost:\(server.port)/livez").code == 0)
  }

  @Test("a key that does not match the certificate is a startup error") func mismatchedKey()
    throws
  {
    let other = folder.url.appending(path: "other.pem").path
    try #require(
      try runProgram("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other)
        .code == 0)
    let process = try FlowProcess.run(
      "serve", EndToEndTests.order, "--store", folder.store, "--addr", "127.0.0.1:0", "--tls-cert", certificate,
      "--tls-key", other)
    #expect(process.code == 2)
    #expect(process.errors.contains("key"))
  }
}
