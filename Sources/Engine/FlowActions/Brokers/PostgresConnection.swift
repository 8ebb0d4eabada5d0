import CPostgres
import FlowJSON
import FlowMachine
import FlowRuntime
import Foundation

/// A connection to PostgreSQL. Each statement runs in its own transaction, with its values bound.
final class PostgresConnection: BrokerConnection {
  /// The maximum size of a result, in bytes of text.
  static let maximumAnswer = 1 << 20
  /// Transient classes of SQLSTATE: lost connections, conflicts, insufficient resources, operator intervention.
  private static let passing: Set<String> = ["08", "40", "53", "55", "57", "58"]

  private let connection: OpaquePointer?

  init(_ url: ServerURL, timeoutMilliseconds: Int64) throws(BrokerProblem) {
    let seconds = String(max((timeoutMilliseconds + 999) / 1000, 2))
    let settings = [
      ("host", url.plainHost), ("port", url.port), ("user", url.user ?? ""), ("password", url.password ?? ""),
      ("dbname", url.path), ("connect_timeout", seconds), ("application_name", "flow"),
      ("client_encoding", "UTF8"),
    ]
    let given = settings.filter { !$0.1.isEmpty }
    let copies: [UnsafeMutablePointer<CChar>?] = (given.map(\.0) + given.map(\.1)).map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    var names: [UnsafePointer<CChar>?] = copies.prefix(given.count).map { UnsafePointer($0) } + [nil]
    var values: [UnsafePointer<CChar>?] = copies.dropFirst(given.count).map { UnsafePointer($0) } + [nil]
    connection = PQconnectdbParams(&names, &values, 0)
    guard PQstatus(connection) == CONNECTION_OK else {
      throw BrokerProblem(message: "the database can't be reached: \(problem)")
    }
  }

  deinit { PQfinish(connection) }

  var descriptor: Int32 { PQsocket(connection) }

  var isUsable: Bool {
    PQstatus(connection) == CONNECTION_OK && PQtransactionStatus(connection) == PQTRANS_IDLE
  }

  private var problem: String { line(PQerrorMessage(connection)) }

  private func line(_ text: UnsafePointer<CChar>?) -> String {
    guard let text else { return "" }
    return String(cString: text).trimmingCharacters(in: .whitespacesAndNewlines).replacing("\n", with: " ")
  }

  // MARK: - A job

  /// The outcome of a failed statement.
  private struct Failure: Error {
    var outcome: JobOutcome
  }

  func perform(_ request: JobRequest, _ settings: JSON) -> JobOutcome {
    let deadline = DispatchTime.now().uptimeNanoseconds / 1_000_000 + UInt64(clamping: request.timeoutMilliseconds)
    do throws(Failure) {
      _ = try run("BEGIN", [], until: deadline)
      // The settings by which the statement can detect a repetition, and its timeout.
      _ = try run(
        "SELECT set_config('flow.idempotency_key', $1, true), set_config('statement_timeout', $2, true)",
        [request.idempotencyKey, String(request.timeoutMilliseconds)], until: deadline)
      let arguments = (settings["args"]?.array ?? []).map { PostgresConnection.text($0) }
      let result = try run(settings["statement"]?.string ?? "", arguments, until: deadline)
      _ = try run("COMMIT", [], until: deadline)
      return .done(result)
    } catch {
      if PQtransactionStatus(connection) == PQTRANS_INERROR || PQtransactionStatus(connection) == PQTRANS_INTRANS {
        _ = try? run("ROLLBACK", [], until: deadline + 1000)
      }
      return error.outcome
    }
  }

  /// A value in the text format of PostgreSQL; nil is NULL.
  private static func text(_ value: JSON) -> String? {
    switch value {
    case .null: nil
    case .string(let text): text
    default: value.text()
    }
  }

  private func run(
    _ statement: String, _ arguments: [String?], until deadline: UInt64
  ) throws(Failure) -> JSON {
    guard !statement.utf8.contains(0), !arguments.contains(where: { $0?.utf8.contains(0) == true }) else {
      throw Failure(outcome: .impossible(code: "BAD_REQUEST", message: "a value has a zero byte in it"))
    }
    let copies: [UnsafeMutablePointer<CChar>?] = arguments.map { $0.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    var values = copies.map { UnsafePointer<CChar>($0) }
    let isSent = PQsendQueryParams(connection, statement, Int32(arguments.count), nil, &values, nil, nil, 0)
    guard isSent == 1 else {
      throw Failure(outcome: .unreachable("the connection to the database broke: \(problem)"))
    }
    // Row by row, so that an oversized result is detected before it is complete.
    PQsetSingleRowMode(connection)
    return try collect(until: deadline)
  }

  /// Collects the result of a statement: its rows, or the number of changed rows.
  private func collect(until deadline: UInt64) throws(Failure) -> JSON {
    var rows: [JSON] = []
    var size = 0
    var answer: JSON = .null
    var failure: JobOutcome?
    while let result = try next(until: deadline) {
      defer { PQclear(result) }
      switch PQresultStatus(result) {
      case PGRES_SINGLE_TUPLE:
        size += width(result)
        guard size <= PostgresConnection.maximumAnswer else {
          // Cancels once; the remaining rows are drained.
          guard failure == nil else { continue }
          cancel()
          failure = .impossible(
            code: "ANSWER_TOO_LONG", message: "the result has more than \(PostgresConnection.maximumAnswer) bytes")
          continue
        }
        rows.append(row(result))
      case PGRES_TUPLES_OK: answer = .array(rows)
      case PGRES_COMMAND_OK:
        answer = line(PQcmdTuples(result)).isEmpty ? .null : .int(Int64(line(PQcmdTuples(result))) ?? 0)
      case PGRES_EMPTY_QUERY: answer = .null
      default: failure = failure ?? outcome(ofFailed: result)
      }
    }
    if let failure { throw Failure(outcome: failure) }
    return answer
  }

  private func outcome(ofFailed result: OpaquePointer) -> JobOutcome {
    // 67 is the field of the SQLSTATE.
    let state = line(PQresultErrorField(result, 67))
    let message = line(PQresultErrorMessage(result))
    guard !state.isEmpty else { return .unreachable("the connection to the database broke: \(message)") }
    let code = "SQL_\(state)"
    return PostgresConnection.passing.contains(String(state.prefix(2)))
      ? .failed(code: code, message: message) : .impossible(code: code, message: message)
  }

  /// Waits for the next piece of a result; nil at its end.
  private func next(until deadline: UInt64) throws(Failure) -> OpaquePointer? {
    while PQisBusy(connection) == 1 {
      let now = DispatchTime.now().uptimeNanoseconds / 1_000_000
      var polled = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
      // The server cancels the statement by itself at the same time; one more second allows it to report this.
      let wait = Int32(clamping: Int64(deadline) - Int64(now) + 1000)
      guard wait > 0, poll(&polled, 1, wait) != 0 else {
        cancel()
        throw Failure(outcome: .unreachable("the database did not answer in time"))
      }
      guard PQconsumeInput(connection) == 1 else {
        throw Failure(outcome: .unreachable("the connection to the database broke: \(problem)"))
      }
    }
    return PQgetResult(connection)
  }

  private func cancel() {
    guard let handle = PQgetCancel(connection) else { return }
    defer { PQfreeCancel(handle) }
    var room = [CChar](repeating: 0, count: 256)
    PQcancel(handle, &room, Int32(room.count))
  }

  // MARK: - Values

  private func width(_ result: OpaquePointer) -> Int {
    (0..<PQnfields(result)).reduce(0) { $0 + Int(PQgetlength(result, 0, $1)) + 8 }
  }

  private func row(_ result: OpaquePointer) -> JSON {
    .object(
      (0..<PQnfields(result)).map { column in
        JSON.Member(String(cString: PQfname(result, column)), value(result, column))
      })
  }

  private func value(_ result: OpaquePointer, _ column: Int32) -> JSON {
    guard PQgetisnull(result, 0, column) == 0, let start = PQgetvalue(result, 0, column) else { return .null }
    let text = String(cString: start)
    switch PQftype(result, column) {
    case 16: return .bool(text == "t")
    case 20, 21, 23: return Int64(text).map { .int($0) } ?? .string(text)
    case 700, 701: return Double(text).flatMap { $0.isFinite ? .double($0) : nil } ?? .string(text)
    case 114, 3802: return (try? JSON(parsing: Array(text.utf8))) ?? .string(text)
    default: return .string(text)
    }
  }
}
