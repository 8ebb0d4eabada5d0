import FlowIDE
import FlowJSON

/// A language server without its streams.
public final class LanguageServer: Sendable {
  private let host: LanguageServerHost
  private let queue = MessageQueue()
  private let write: @Sendable ([UInt8]) -> Void

  /// - Parameter write: Sends bytes to the client; called from the thread of ``run()`` only.
  public init(host: LanguageServerHost, write: @escaping @Sendable ([UInt8]) -> Void) {
    self.host = host
    self.write = write
  }

  /// Reads messages from the client until its stream ends.
  /// - Parameter read: Returns the next bytes; empty at the end.
  public func receive(from read: () -> [UInt8]) {
    var reader = MessageReader()
    while !reader.isBroken {
      let bytes = read()
      if bytes.isEmpty { break }
      reader.append(bytes)
      while let content = reader.next() { queue.append(.message(Message(content))) }
    }
    queue.append(.end)
  }

  /// Handles messages until the client ends the connection.
  /// - Returns: The exit code: 0 after `shutdown` and `exit`, otherwise 1.
  public func run() -> Int32 {
    let checks = CheckThread(host: host, queue: queue)
    checks.start()
    defer { checks.close() }
    let write = self.write
    var connection = Connection(host: host, queue: queue, checks: checks) { json in
      write(MessageReader.framed(json.bytes()))
    }
    while true {
      switch queue.next() {
      case .end: return connection.isShutDown ? 0 : 1
      case .checked(let result): connection.finish(result)
      case .message(.notification("exit", _)): return connection.isShutDown ? 0 : 1
      case .message(let message): connection.handle(message)
      }
    }
  }
}
