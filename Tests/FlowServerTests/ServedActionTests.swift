import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization
import Testing

/// A flow whose calls fail, time out and are undone, against real servers and programs.
@Suite("Actions of a served flow", .serialized) struct ServedActionTests {
  static let text = """
    event Begin { id: string  email: string }

    action reserve(id: string) -> string fails UNAVAILABLE {
      http POST env("SHOP") + "/reserve" { body: {"id": id} }
      5xx -> UNAVAILABLE
      retry 5 backoff 10ms..50ms
      signed env("SHOP_SECRET")
    }
    action release(ref: string) { http DELETE env("SHOP") + "/reserve/" + ref  retry 2 backoff 10ms..50ms }
    action audit(ref: string) -> int fails FULL { exec "audit" { args: ["--ref", ref] }  3 -> FULL }
    action welcome(to: string) -> string {
      email { to: to  subject: "Welcome, 世界"  text: "Hello" }
      retry 3 backoff 10ms..50ms
    }
    action sorry(to: string) { email { to: to  subject: "Sorry"  text: "It did not work"  html: "<p>Sorry</p>" } }
    action hotel(id: string) fails UNAVAILABLE {
      http POST env("SHOP") + "/slow"
      timeout 300ms
      retry 1 backoff 10ms..20ms
    }

    flow Trip {
      key id
      data { id: string  email: string  why: string = "" }
      start on Begin -> booking do { id = event.id  email = event.email }
      state booking {
        steps {
          seat: reserve(id: id) undo release(ref: id)
          note: audit(ref: seat.result)
          mail: welcome(to: email) after note undo sorry(to: email)
          bed: hotel(id: id) after mail
        }
        on done -> booked
        on failed -> undoing do why = event.code
      }
      state undoing {
        rollback
        on rollback.done -> cancelled
        on rollback.failed -> stuck
      }
      final booked
      failed cancelled
      failed stuck
    }
    """

  @Test("completed calls are undone when a later call fails") func rollback() throws {
    let folder = try TestFolder()
    let file = try folder.write("trip.flow", ServedActionTests.text)
    let audit = try folder.write(
      "audit", "#!/bin/sh\nread line\necho \"$line $2 $FLOW_IDEMPOTENCY_KEY\" >> audit.txt\necho 7\n")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: audit)
    let tries = Mutex(0)
    let shop = LocalServer { request in
      guard request.line.hasPrefix("POST /reserve ") else {
        return request.line.hasPrefix("DELETE ") ? LocalServer.answer("204 No Content") : nil
      }
      let count = tries.withLock { tries in
        tries += 1
        return tries
      }
      return count < 3 ? LocalServer.answer("503 Busy") : LocalServer.answer("200 OK", #""seat-1""#)
    }
    let sink = try MailSink()
    let server = try ServerProcess(
      [
        file, "--store", folder.store, "--allow-host", "127.0.0.1", "--allow-exec", folder.url.path,
        "--mail-from", "Trips <trips@example.com>", "--smtp-url", sink.url,
      ], environment: ["SHOP": shop.url, "SHOP_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    let client = HTTPClient(port: server.port)
    let begun = try client.send(
      "POST", "/v1/flows/Trip/instances",
      ["event": "Begin", "data": ["id": "t1", "email": "flaky@example.org"]])
    #expect(begun.status == 201)
    let isOver = try eventually {
      try client.send("GET", "/v1/flows/Trip/instances/t1").json["status"] == "failed"
    }
    let view = try client.send("GET", "/v1/flows/Trip/instances/t1").json
    #expect(isOver && view["state"] == ["cancelled"], "\(view.text())")
    #expect(view["data"]?["why"] == "UNAVAILABLE")

    let requests = shop.requests
    #expect(
      requests.map(\.line) == [
        "POST /reserve HTTP/1.1", "POST /reserve HTTP/1.1", "POST /reserve HTTP/1.1", "POST /slow HTTP/1.1",
        "POST /slow HTTP/1.1", "DELETE /reserve/t1 HTTP/1.1",
      ])
    #expect(requests.map { $0.headers["flow-attempt"] } == ["1", "2", "3", "1", "2", "1"])
    let keys = requests.map { $0.headers["idempotency-key"] ?? "" }
    #expect(Set(keys.prefix(3)).count == 1 && Set(keys[3...4]).count == 1 && Set(keys).count == 3)
    #expect(requests[0].headers["webhook-signature"]?.hasPrefix("v1,") == true)
    #expect(requests[3].headers["webhook-signature"] == nil)

    let mails = sink.mails(atLeast: 2)
    #expect(mails.map { $0["headers"]?["Subject"] } == ["Welcome, 世界", "Sorry"])
    #expect(mails.allSatisfy { $0["recipients"] == ["flaky@example.org"] && $0["from"] == "trips@example.com" })
    let note = try String(contentsOf: folder.url.appending(path: "audit.txt"), encoding: .utf8)
    #expect(note.hasPrefix(#"{"ref":"seat-1"} seat-1 "#) && note.split(separator: "\n").count == 1)
  }

  @Test("a mail rejected by the server is not retried, and its code is reported") func refusedMail() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "tell.flow",
      OneCall.source(
        "Tell",
        """
        action act(id: string) -> string fails NO_MAILBOX {
          email { to: "refused@example.org"  subject: "s"  text: "t"  from: "a@example.com" }
          550 -> NO_MAILBOX
          retry 5 backoff 10ms..20ms
        }
        """))
    let sink = try MailSink(login: ["flow", "hunter2-secret"])
    let server = try ServerProcess(
      [file, "--store", folder.store],
      environment: [
        "FLOW_SMTP_URL": sink.url, "FLOW_SMTP_USER": "flow", "FLOW_SMTP_PASSWORD": "hunter2-secret",
      ])
    let client = HTTPClient(port: server.port)
    try client.send(
      "POST", "/v1/flows/Tell/instances", ["event": "Begin", "data": ["id": "t1"]])
    let isOver = try eventually {
      try client.send("GET", "/v1/flows/Tell/instances/t1").json["status"] == "failed"
    }
    let view = try client.send("GET", "/v1/flows/Tell/instances/t1").json
    #expect(isOver && view["data"]?["why"] == "NO_MAILBOX" && view["data"]?["tries"] == 1, "\(view.text())")
    let history = try client.send("GET", "/v1/flows/Tell/instances/t1/history").text
    #expect(history.contains("no such mailbox") && !history.contains("hunter2"))
  }

  @Test("private addresses and programs need permission on the command line") func privateAddress() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "reach.flow",
      OneCall.source("Reach", #"action act(id: string) { http GET env("TARGET")  retry 5 backoff 10ms..20ms }"#))
    let target = LocalServer { _ in LocalServer.answer("200 OK") }
    let server = try ServerProcess([file, "--store", folder.store], environment: ["TARGET": target.url])
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/flows/Reach/instances", ["event": "Begin", "data": ["id": "r1"]])
    let isOver = try eventually {
      try client.send("GET", "/v1/flows/Reach/instances/r1").json["state"] == ["refused"]
    }
    #expect(isOver && target.requests.isEmpty)
    let why = try client.send("GET", "/v1/flows/Reach/instances/r1").json["data"]?["why"]
    #expect(why == "PRIVATE_ADDRESS")

    let source = try String(contentsOfFile: file, encoding: .utf8).replacing(
      #"http GET env("TARGET")"#, with: #"exec "p""#)
    let deployed = try client.send(
      "PUT", "/v1/flows/Reach", text: source, headers: ["Content-Type": "text/x-flow"])
    #expect(deployed.status == 422 && deployed.text.contains("--allow-exec"), "\(deployed.text)")
  }
}
