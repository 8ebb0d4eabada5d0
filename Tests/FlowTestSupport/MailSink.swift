public import FlowJSON
import Foundation
import Synchronization

/// A real mail server in a separate process, `mailsink.py`, with the mails that it accepted.
public final class MailSink: Sendable {
  public struct NotStarted: Error {}

  private let process = Process()
  private let lines = Mutex<[JSON]>([])
  public let port: Int

  /// - Parameter login: A user and a password, which are required if present.
  /// - Parameter certificate: The files of a certificate and its key for STARTTLS.
  /// - Parameter isStrict: Whether logins without encryption are listed among the mails.
  public init(login: [String] = [], certificate: [String] = [], isStrict: Bool = false) throws {
    // The Debian package is installed for Debian's Python.
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [packageRoot.appending(path: "Tests/FlowTestSupport/mailsink.py").path]
    process.arguments? += (isStrict ? ["--strict"] : []) + (certificate.isEmpty ? [] : ["--tls"] + certificate) + login
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let reader = pipe.fileHandleForReading
    var text = ""
    while !text.contains("\n") {
      let data = reader.availableData
      if data.isEmpty { throw NotStarted() }
      text += String(decoding: data, as: UTF8.self)
    }
    guard let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { throw NotStarted() }
    self.port = port
    let thread = Thread { [weak self] in
      var rest: [UInt8] = []
      while case let data = reader.availableData, !data.isEmpty {
        rest += data
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
          if let json = try? JSON(parsing: Array(rest[..<end])) { self?.lines.withLock { $0.append(json) } }
          rest.removeSubrange(...end)
        }
      }
    }
    thread.start()
  }

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  public var url: String { "smtp://127.0.0.1:\(port)" }

  /// The accepted mails; an acknowledged mail appears shortly after.
  public var mails: [JSON] { lines.withLock { $0 } }

  /// The mails, once their number is reached.
  public func mails(atLeast count: Int) -> [JSON] {
    for _ in 0..<500 where mails.count < count { usleep(20_000) }
    return mails
  }
}
