import FlowIR
import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Testing

@testable import FlowActions
@testable import FlowMachine

/// Mail to servers with encryption, with a certificate created for the test.
@Suite("Encryption of mail") struct MailSecurityTests {
  /// A self-signed certificate for the local machine, in a temporary folder.
  private final class Certificate {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-mail-\(UUID().uuidString)")
    var files: [String] { ["cert.pem", "key.pem"].map { folder.appending(path: $0).path } }

    init() throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1],
      ]
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
  }

  private let login = ["flow", "hunter2-secret"]

  private func send(to url: String, trusting authorities: String?, login: [String]) async -> JobOutcome {
    var server = MailServer(url: url, user: login.first, password: login.last)
    server?.authorities = authorities
    let settings = ActionSettings(mail: server, sender: "shop@example.com")
    let mail = BoundAction.other(kind: .email, settings: ["to": "a@example.org", "subject": "s", "text": "t"])
    return await outcome(of: mail, by: BindingRunner(settings: settings, log: { _ in }))
  }

  @Test(
    "mail is encrypted if the server supports it",
    arguments: [false, true]) func encryption(_ hasLogin: Bool) async throws
  {
    let certificate = try Certificate()
    let login = hasLogin ? login : []
    let sink = try MailSink(login: login, certificate: certificate.files, isStrict: true)
    let result = await send(to: sink.url, trusting: certificate.files[0], login: login)
    guard case .done = result else { return #expect(Bool(false), "\(result)") }
    let got = try #require(sink.mails(atLeast: 1).first)
    #expect(got["tls"] == true && got["login"]?.string == (hasLogin ? "flow" : ""))
  }

  @Test("a wrong password is a final failure and does not appear in its message") func wrongPassword() async throws {
    let certificate = try Certificate()
    let sink = try MailSink(login: login, certificate: certificate.files, isStrict: true)
    let result = await send(to: sink.url, trusting: certificate.files[0], login: ["flow", "wrong-secret"])
    guard case .reply(535, .mail, isTransient: false, let message) = result else {
      return #expect(Bool(false), "\(result)")
    }
    #expect(!message.contains("secret") && sink.mails == [])
  }

  /// An attacker on the network could have created the certificate.
  @Test("no mail is sent to a server with an untrusted certificate") func untrustedCertificate() async throws {
    let (certificate, other) = (try Certificate(), try Certificate())
    let sink = try MailSink(login: login, certificate: certificate.files, isStrict: true)
    for authorities in [nil, other.files[0]] {
      let result = await send(to: sink.url, trusting: authorities, login: login)
      guard case .unreachable(let message) = result else { return #expect(Bool(false), "\(result)") }
      #expect(message.contains("certificate"), "\(message)")
    }
    #expect(sink.mails == [])
  }

  /// To another machine, a password is sent encrypted or not at all.
  @Test("a password is not sent unencrypted to another machine") func passwordWithoutEncryption() async throws {
    let sink = try MailSink(login: login, isStrict: true)
    let elsewhere = "smtp://[::ffff:127.0.0.1]:\(sink.port)"
    let result = await send(to: elsewhere, trusting: nil, login: login)
    if case .done = result { Issue.record("the mail went") }
    #expect(sink.mails == [])
    guard case .done = await send(to: sink.url, trusting: nil, login: login) else {
      return #expect(Bool(false), "the same server is reached on this machine")
    }
  }
}
