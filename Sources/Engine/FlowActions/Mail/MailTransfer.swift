import CCurl
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation

/// The delivery of one mail to a server, by SMTP.
final class MailTransfer: Transfer {
  private let message: MailMessage
  private let server: MailServer
  private var recipients: UnsafeMutablePointer<curl_slist>?
  private var bytes: [UInt8] = []
  private var sent = 0
  /// The last negative reply of the server, with its status code.
  private var refusal: (status: Int, text: [UInt8])?

  init(
    _ request: JobRequest, settings: ActionSettings, finish: @escaping @Sendable (JobOutcome) -> Void
  ) throws(RequestProblem) {
    guard case .other(.email, let given) = request.action else {
      throw RequestProblem(message: "this action is no mail")
    }
    message = try MailMessage(given, sender: settings.sender, key: request.idempotencyKey)
    let own = given["url"]?.string
    let named = own.map { MailServer(url: $0) } ?? settings.mail
    guard let named else {
      let url =
        own == nil ? "no mail server is known" : "`url` is not one of `smtp://HOST:PORT` and `smtps://HOST:PORT`"
      throw RequestProblem(message: url)
    }
    server = named
    // The operator's own server may have any address.
    try super.init(request, url: named.url, reach: own == nil ? nil : settings.reach, finish: finish)
  }

  deinit { curl_slist_free_all(recipients) }

  override func setUp(_ easy: UnsafeMutableRawPointer, _ me: UnsafeMutableRawPointer) {
    bytes = message.bytes(at: Int64(Date().timeIntervalSince1970))
    flow_curl_set_text(easy, CURLOPT_URL, server.url)
    flow_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
    flow_curl_set_text(easy, CURLOPT_MAIL_FROM, "<\(message.from.address)>")
    recipients = curl_slist_append(nil, "<\(message.to.address)>")
    flow_curl_set_list(easy, CURLOPT_MAIL_RCPT, recipients)
    setUpSecurity(easy)
    // Servers close idle connections at any time, and libcurl does not retry a mail on another one.
    flow_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1)
    flow_curl_set_long(easy, CURLOPT_FORBID_REUSE, 1)
    flow_curl_set_long(easy, CURLOPT_UPLOAD, 1)
    flow_curl_set_size(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(bytes.count))
    flow_curl_set_pointer(easy, CURLOPT_READDATA, me)
    flow_curl_set_data(easy, CURLOPT_READFUNCTION) { room, size, count, user in
      guard let room, let user else { return 0 }
      let transfer = Unmanaged<MailTransfer>.fromOpaque(user).takeUnretainedValue()
      return transfer.give(UnsafeMutableRawBufferPointer(start: room, count: size * count))
    }
    flow_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
    flow_curl_set_data(easy, CURLOPT_HEADERFUNCTION) { line, size, count, user in
      guard let line, let user else { return 0 }
      let transfer = Unmanaged<MailTransfer>.fromOpaque(user).takeUnretainedValue()
      transfer.receive(Array(UnsafeRawBufferPointer(start: line, count: size * count)))
      return size * count
    }
  }

  /// Encrypts if the server supports it; with a password, encryption is required.
  private func setUpSecurity(_ easy: UnsafeMutableRawPointer) {
    let mustHide = server.password != nil && !server.isLocal
    flow_curl_set_long(easy, CURLOPT_USE_SSL, Int((mustHide ? CURLUSESSL_ALL : CURLUSESSL_TRY).rawValue))
    if let file = server.authorities { flow_curl_set_text(easy, CURLOPT_CAINFO, file) }
    if let user = server.user { flow_curl_set_text(easy, CURLOPT_USERNAME, user) }
    if let password = server.password { flow_curl_set_text(easy, CURLOPT_PASSWORD, password) }
  }

  private func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(room.count, bytes.count - sent)
    room.copyBytes(from: bytes[sent..<sent + count])
    sent += count
    return count
  }

  /// Processes a line of a server reply.
  private func receive(_ line: [UInt8]) {
    guard let status = Int(String(decoding: line.prefix(3), as: UTF8.self)), status >= 400 else { return }
    let text = Array(line.dropFirst(4).prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") })
    // A long reply has several lines with the same status code.
    if let old = refusal, old.status == status, old.text.count < JobRequest.maximumMessage {
      refusal?.text += [UInt8(ascii: " ")] + text
    } else {
      refusal = (status, text)
    }
  }

  // MARK: - The end

  override func outcome(of easy: UnsafeMutableRawPointer, _ result: CURLcode) -> JobOutcome {
    if result == CURLE_OK { return .done(.string(message.identifier)) }
    guard let refusal else { return .unreachable(Transfer.text(of: result)) }
    let text = request.shown(refusal.text)
    return .reply(
      refusal.status, of: .mail, isTransient: refusal.status < 500,
      message: "the mail server said \(refusal.status)" + (text.isEmpty ? "" : ": \(text)"))
  }
}

extension MailMessage {
  /// - Parameter sender: The sender for settings without one of their own.
  init(_ settings: JSON, sender: String?, key: String) throws(RequestProblem) {
    guard let from = settings["from"]?.string ?? sender else {
      throw RequestProblem(message: "nothing says who the mail is from")
    }
    self.from = try MailAddress(from, for: "from")
    to = try MailAddress(settings["to"]?.string ?? "", for: "to")
    subject = settings["subject"]?.string ?? ""
    text = settings["text"]?.string
    html = settings["html"]?.string
    self.key = key
    guard text != nil || html != nil else { throw RequestProblem(message: "a mail needs `text` or `html`") }
  }
}
