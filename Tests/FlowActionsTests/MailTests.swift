import FlowIR
import FlowJSON
import FlowRuntime
import FlowTestSupport
import Testing

@testable import FlowActions
@testable import FlowMachine

/// Mail as received by a real SMTP server and parsed by an independent parser.
@Suite("Mail") struct MailTests {
  private func runner(_ sink: MailSink, user: String? = nil, password: String? = nil) -> BindingRunner {
    let server = MailServer(url: sink.url, user: user, password: password)
    return BindingRunner(settings: ActionSettings(mail: server, sender: "Shop <shop@example.com>"), log: { _ in })
  }

  private func mail(_ settings: (String, JSON)...) -> BoundAction {
    .other(kind: .email, settings: .object(settings.map { .init($0.0, $0.1) }))
  }

  @Test("a mail arrives with its text, HTML, subject and addresses") func content() async throws {
    let sink = try MailSink()
    let text =
      "Grüße, 世界!\n.\n.leading dot\ntrailing space \n\ttab=1\nFrom here\n" + String(repeating: "long ä ", count: 60)
    let html = "<p>Grüße</p>\r\n<p>\(String(repeating: "x", count: 400))</p>"
    let subject = "Ihre Bestellung „Nr. 7“ ist da — " + String(repeating: "größer ", count: 20)
    let result = await outcome(
      of: mail(
        ("to", "Jürgen Müller <j.mueller+shop@example.org>"), ("subject", .string(subject)), ("text", .string(text)),
        ("html", .string(html))),
      by: runner(sink), key: "Order/ü\r\nX: y/2/0")
    guard case .done(.string(let identifier)) = result else { return #expect(Bool(false), "\(result)") }
    let got = try #require(sink.mails(atLeast: 1).first)
    #expect(got["from"] == "shop@example.com" && got["recipients"] == ["j.mueller+shop@example.org"])
    #expect(got["headers"]?["From"] == "Shop <shop@example.com>")
    #expect(got["headers"]?["To"] == "Jürgen Müller <j.mueller+shop@example.org>")
    #expect(got["headers"]?["Subject"]?.string == subject)
    #expect(got["headers"]?["Message-ID"] == .string(identifier) && identifier.hasSuffix("@example.com>"))
    #expect(got["headers"]?["Date"]?.string?.hasSuffix("+0000") == true)
    #expect(got["type"] == "multipart/alternative")
    let normal = text.replacing("\r\n", with: "\n")
    #expect(got["parts"]?.array?.map { $0.array?.first } == ["text/plain", "text/html"])
    #expect(got["parts"]?.array?[0].array?[1].string?.replacing("\r\n", with: "\n") == normal)
    #expect(
      got["parts"]?.array?[1].array?[1].string?.replacing("\r\n", with: "\n") == html.replacing("\r\n", with: "\n"))
    #expect(got["defects"] == [])
    #expect(got["longest"]?.int ?? 999 <= 78)
    #expect(got["bare"] == 0 && got["ascii"] == true)
  }

  @Test("attempts with the same idempotency key have the same Message-ID") func messageID() async throws {
    let sink = try MailSink()
    let runner = runner(sink)
    let action = mail(("to", "a@example.org"), ("subject", "s"), ("text", "t"))
    for key in ["one", "one", "two"] { _ = await outcome(of: action, by: runner, key: key) }
    let names = sink.mails(atLeast: 3).map { $0["headers"]?["Message-ID"]?.string ?? "" }
    #expect(names.count == 3 && names[0] == names[1] && names[1] != names[2])
  }

  @Test(
    "the reply of the server determines whether a failure is transient",
    arguments: [
      ("refused@example.org", "550", false), ("busy@example.org", "451", true), ("full@example.org", "552", false),
    ])
  func replies(_ to: String, _ status: String, _ isTransient: Bool) async throws {
    let sink = try MailSink()
    let result = await outcome(of: mail(("to", .string(to)), ("subject", "s"), ("text", "t")), by: runner(sink))
    guard case .reply(let number, .mail, isTransient, let message) = result else {
      return #expect(Bool(false), "\(result)")
    }
    #expect(String(number) == status && message.contains("said \(status): "))
    #expect(sink.mails == [])
  }

  @Test(
    "a server that disconnects or does not respond counts as unreachable",
    arguments: ["drop@example.org", "silent@example.org"])
  func lostConnection(_ to: String) async throws {
    let sink = try MailSink()
    let action = mail(("to", .string(to)), ("subject", "s"), ("text", "t"))
    let result = await outcome(of: action, by: runner(sink), timeout: to.hasPrefix("silent") ? 500 : 10_000)
    guard case .unreachable(let message) = result else { return #expect(Bool(false), "\(result)") }
    #expect(!message.isEmpty)
  }

  @Test(
    "an address cannot add recipients or headers",
    arguments: [
      "a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org", "a@example.org>\r\nRCPT TO:<b@example.org",
      "A, B <a@example.org>", "<a@example.org> <b@example.org>", "a b@example.org", "a@exa mple.org", "@example.org",
      "a@", "a", "", "x\u{0}@example.org", "ü@example.org", "Ann\r\nBcc: b@example.org <a@example.org>", "a@-_.org",
      "a..b@example.org",
    ])
  func invalidAddress(_ to: String) async throws {
    let runner = BindingRunner(
      settings: ActionSettings(mail: MailServer(url: "smtp://127.0.0.1:9"), sender: "shop@example.com"), log: { _ in })
    let result = await outcome(of: mail(("to", .string(to)), ("subject", "s"), ("text", "t")), by: runner)
    guard case .impossible("BAD_REQUEST", _) = result else { return #expect(Bool(false), "\(result)") }
  }

  @Test(
    "a subject cannot add headers",
    arguments: [
      "hello\r\nBcc: eve@example.org", "hello\nX-Evil: 1\n\nbody", "=?UTF-8?B?DQpCY2M6IGU=?=", "  padded  ", "",
      String(repeating: "word ", count: 200) + "end",
    ])
  func subjectInjection(_ subject: String) async throws {
    let sink = try MailSink()
    let action = mail(("to", "a@example.org"), ("subject", .string(subject)), ("text", "t"))
    guard case .done = await outcome(of: action, by: runner(sink)) else { return #expect(Bool(false)) }
    let got = try #require(sink.mails(atLeast: 1).first)
    let expected: JSON = [
      "Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type",
      "Content-Transfer-Encoding",
    ]
    #expect(got["names"] == expected && got["recipients"] == ["a@example.org"])
    #expect(got["headers"]?["Subject"]?.string == subject.replacing("\r\n", with: "  ").replacing("\n", with: " "))
    #expect(got["longest"]?.int ?? 999 <= 78)
  }

  @Test("the password authenticates and does not appear in messages") func password() async throws {
    let sink = try MailSink(login: ["flow", "hunter2-secret"])
    let action = mail(("to", "a@example.org"), ("subject", "s"), ("text", "t"))
    let good = await outcome(of: action, by: runner(sink, user: "flow", password: "hunter2-secret"))
    guard case .done = good else { return #expect(Bool(false), "\(good)") }
    #expect(sink.mails(atLeast: 1).first?["login"] == "flow")
    let bad = await outcome(of: action, by: runner(sink, user: "flow", password: "wrong-secret"))
    guard case .reply(535, .mail, isTransient: false, let message) = bad else { return #expect(Bool(false), "\(bad)") }
    #expect(!message.contains("secret"))
  }

  @Test("a mail server named by the flow is subject to the network policy") func serverOfFlow() async throws {
    let sink = try MailSink()
    let action = mail(("to", "a@example.org"), ("subject", "s"), ("text", "t"), ("url", .string(sink.url)))
    let closed = await outcome(
      of: action, by: BindingRunner(settings: ActionSettings(sender: "s@example.com"), log: { _ in }))
    guard case .impossible("PRIVATE_ADDRESS", _) = closed else { return #expect(Bool(false), "\(closed)") }
    let settings = ActionSettings(reach: NetworkPolicy(hosts: ["127.0.0.1"]), sender: "s@example.com")
    let open = await outcome(of: action, by: BindingRunner(settings: settings, log: { _ in }))
    guard case .done = open else { return #expect(Bool(false), "\(open)") }
  }

  @Test(
    "dates have the format of RFC 5322",
    arguments: [(0, "Thu, 1 Jan 1970 00:00:00 +0000"), (1_795_262_645, "Sat, 21 Nov 2026 12:04:05 +0000")])
  func dates(_ second: Int64, _ text: String) { #expect(MailMessage.date(second) == text) }
}
