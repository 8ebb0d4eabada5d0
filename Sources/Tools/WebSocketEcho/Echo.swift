import FlowHTTP
import Glibc

/// Sends every message back, over the connections that `/v1/live` uses: `WebSocketEcho PORT`, for `make autobahn`.
@main
enum Echo {
  /// The suite sends messages of up to 16 MiB, and in pieces of 64 bytes.
  private static let largest = 16 << 20

  static func main() {
    guard let port = CommandLine.arguments.dropFirst().first.flatMap(Int.init) else {
      print("usage: WebSocketEcho PORT")
      exit(2)
    }
    var configuration = HTTPServer.Configuration(host: "127.0.0.1", port: port)
    configuration.limits.messageBytes = largest
    configuration.limits.messageFrames = largest / 64 + 1
    configuration.limits.queuedBytes = 4 * largest
    do {
      let server = try HTTPServer(configuration: configuration, handler: EchoHandler())
      server.start()
      print("listening on 127.0.0.1:\(server.port)")
      while true { pause() }
    } catch {
      print("cannot listen on port \(port): \(error)")
      exit(1)
    }
  }
}

private struct EchoHandler: HTTPHandler {
  func handle(_ request: HTTPRequest, _ respond: ResponseHandle) { respond.upgrade(subprotocol: nil) }

  func received(_ message: WebSocketMessage, on socket: WebSocketHandle) {
    switch message {
    case .text(let text): socket.send(text: text)
    case .binary(let bytes): socket.send(EncodedFrame(binary: bytes))
    }
  }
}
