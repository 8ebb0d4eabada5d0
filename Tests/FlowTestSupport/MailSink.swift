public import FlowJSON
import Foundation
import Synchronization

/// A real mail server of its own process, `mailsink.py`, and what it has taken.
public final class MailSink: Sendable {
  public struct NotStarted: Error {}

  private let process = Process()
  private let lines = Mutex<[JSON]>([])
  public let port: Int

  /// - Parameter login: A user and a password, without which it takes no mail.
  /// - Parameter certificate: The files of a certificate and its key, with which it offers STARTTLS.
  /// - Parameter isStrict: Whether it tells, among the mails, of whoever logs in without.
  public init(login: [String] = [], certificate: [String] = [], isStrict: Bool = false) throws {
    // Debian's package is for Debian's Python.
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

  /// The mails that were taken; what a client was told of is there soon after.
  public var mails: [JSON] { lines.withLock { $0 } }

  /// The mails, once there are so many.
  public func mails(atLeast count: Int) -> [JSON] {
    for _ in 0..<500 where mails.count < count { usleep(20_000) }
    return mails
  }
}
