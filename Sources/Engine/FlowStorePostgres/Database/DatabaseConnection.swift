import CPostgres
import FlowRuntime
import Glibc

/// A statement with its values.
struct PostgresStatement {
  var sql: String
  var parameters: [PostgresParameter]
  /// The error when the statement divides by zero, by which a statement in a pipeline aborts its transaction.
  var refusal: StoreError?

  init(_ sql: String, _ parameters: [PostgresParameter] = [], refusal: StoreError? = nil) {
    self.sql = sql
    self.parameters = parameters
    self.refusal = refusal
  }
}

/// The reason why a transaction did not report success.
enum DatabaseFailure: Error {
  /// The server has rejected the transaction: nothing was written.
  case rejected(StoreError, state: String)
  /// The connection is lost, and it is unknown whether the transaction was committed.
  case lost(String)

  var storeError: StoreError {
    switch self {
    case .rejected(let error, _): error
    case .lost(let message): .unavailable("the database: \(message)")
    }
  }
}

/// A connection to a database. Belongs to one thread at a time, and connects when it is first used and after a loss.
///
/// Statements are sent in pipeline mode: all statements of a call are one implicit transaction and one round trip. No
/// call depends on the session of an earlier one.
final class DatabaseConnection {
  /// SQLSTATE of a division by zero.
  private static let divisionByZero = "22012"
  /// Classes and states after which a session is useless: lost connections, shutdown of the server, and a server that
  /// has become a standby.
  private static let brokenStates = ["08", "57P", "25006", "53300"]

  let database: PostgresDatabase
  /// The time after which a transaction without a result counts as lost, in milliseconds.
  let timeoutMilliseconds: Int64
  private var handle: OpaquePointer?
  /// Statements with the name of the schema, by their text.
  private var expanded: [String: String] = [:]

  init(_ database: PostgresDatabase, timeoutMilliseconds: Int64 = 10_000) {
    self.database = database
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  deinit { close() }

  func close() {
    PQfinish(handle)
    handle = nil
  }

  /// Runs statements as one transaction.
  /// - Returns: The result of each statement.
  func run(_ statements: [PostgresStatement]) throws(DatabaseFailure) -> [PostgresRows] {
    let handle = try connected()
    let deadline = Monotonic.milliseconds() + timeoutMilliseconds
    for statement in statements { try send(statement, on: handle) }
    guard PQpipelineSync(handle) == 1 else { throw loss(of: handle) }
    try flush(handle, until: deadline)
    var results: [PostgresRows] = []
    var failure: DatabaseFailure?
    for statement in statements {
      while let result = try next(on: handle, until: deadline) {
        let rows = PostgresRows(result)
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK: results.append(rows)
        case PGRES_PIPELINE_ABORTED: break
        default: failure = failure ?? rejection(result, of: statement)
        }
      }
    }
    // Only the synchronization point says whether the transaction was committed.
    guard let end = try next(on: handle, until: deadline) else { throw loss(of: handle) }
    defer { PQclear(end) }
    guard PQresultStatus(end) == PGRES_PIPELINE_SYNC else {
      if let failure { try closeIfBroken(failure) }
      throw loss(of: handle)
    }
    if let failure {
      try closeIfBroken(failure)
      throw failure
    }
    guard results.count == statements.count else { throw loss(of: handle) }
    return results
  }

  /// Runs a script of several statements without values, as one transaction.
  func script(_ sql: String) throws(DatabaseFailure) {
    let handle = try connected()
    PQexitPipelineMode(handle)
    PQsetnonblocking(handle, 0)
    defer {
      PQsetnonblocking(handle, 1)
      PQenterPipelineMode(handle)
    }
    guard let result = PQexec(handle, sql) else { throw loss(of: handle) }
    defer { PQclear(result) }
    let status = PQresultStatus(result)
    guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
      throw rejection(result, of: PostgresStatement(sql))
    }
  }

  // MARK: - Connecting

  private func connected() throws(DatabaseFailure) -> OpaquePointer {
    if let handle, PQstatus(handle) == CONNECTION_OK { return handle }
    close()
    // Settings before the location can be overridden by it.
    let settings = [
      ("target_session_attrs", "read-write"), ("connect_timeout", "3"), ("tcp_user_timeout", "5000"),
      ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"), ("application_name", "flow"),
      ("dbname", database.connectionString), ("client_encoding", "UTF8"),
    ]
    let copies = (settings.map(\.0) + settings.map(\.1)).map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    var names: [UnsafePointer<CChar>?] = copies.prefix(settings.count).map { UnsafePointer($0) } + [nil]
    var values: [UnsafePointer<CChar>?] = copies.dropFirst(settings.count).map { UnsafePointer($0) } + [nil]
    let opened = PQconnectdbParams(&names, &values, 1)
    guard let opened, PQstatus(opened) == CONNECTION_OK else {
      let message = DatabaseConnection.line(PQerrorMessage(opened))
      PQfinish(opened)
      throw .rejected(.unavailable("the database can't be reached: \(message)"), state: "08001")
    }
    // Notices, such as those of `IF NOT EXISTS`, would be written to standard error.
    PQsetNoticeProcessor(opened, { _, _ in }, nil)
    PQsetnonblocking(opened, 1)
    PQenterPipelineMode(opened)
    handle = opened
    return opened
  }

  // MARK: - The protocol

  private func send(_ statement: PostgresStatement, on handle: OpaquePointer) throws(DatabaseFailure) {
    let encoded = statement.parameters.map(\.bytes)
    let types = statement.parameters.map(\.type)
    let lengths = encoded.map { Int32($0?.count ?? 0) }
    let formats = [Int32](repeating: 1, count: encoded.count)
    let copies = encoded.map { bytes -> UnsafeMutablePointer<CChar>? in
      guard let bytes else { return nil }
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: max(bytes.count, 1))
      for index in bytes.indices { copy[index] = CChar(bitPattern: bytes[index]) }
      return copy
    }
    defer { for copy in copies { copy?.deallocate() } }
    let values = copies.map { UnsafePointer<CChar>($0) }
    let isSent = PQsendQueryParams(
      handle, text(of: statement), Int32(encoded.count), types, values, lengths, formats, 0)
    guard isSent == 1 else { throw loss(of: handle) }
  }

  private func text(of statement: PostgresStatement) -> String {
    if let known = expanded[statement.sql] { return known }
    let text = database.sql(statement.sql)
    // Only lists have texts that differ from call to call.
    if expanded.count < 1000 { expanded[statement.sql] = text }
    return text
  }

  private func flush(_ handle: OpaquePointer, until deadline: Int64) throws(DatabaseFailure) {
    while true {
      let state = PQflush(handle)
      if state == 0 { return }
      guard state == 1 else { throw loss(of: handle) }
      try wait(for: Int16(POLLIN) | Int16(POLLOUT), on: handle, until: deadline)
      // The server may block until its results are read.
      guard PQconsumeInput(handle) == 1 else { throw loss(of: handle) }
    }
  }

  private func next(on handle: OpaquePointer, until deadline: Int64) throws(DatabaseFailure) -> OpaquePointer? {
    while PQisBusy(handle) == 1 {
      try wait(for: Int16(POLLIN), on: handle, until: deadline)
      guard PQconsumeInput(handle) == 1 else { throw loss(of: handle) }
    }
    return PQgetResult(handle)
  }

  private func wait(for events: Int16, on handle: OpaquePointer, until deadline: Int64) throws(DatabaseFailure) {
    var polled = pollfd(fd: PQsocket(handle), events: events, revents: 0)
    while true {
      let left = deadline - Monotonic.milliseconds()
      guard left > 0 else {
        close()
        throw .lost("no answer in \(timeoutMilliseconds) ms")
      }
      let count = poll(&polled, 1, Int32(clamping: left))
      if count > 0 { return }
      if count < 0, errno != EINTR { throw loss(of: handle) }
    }
  }

  private func loss(of handle: OpaquePointer) -> DatabaseFailure {
    let message = DatabaseConnection.line(PQerrorMessage(handle))
    close()
    return .lost(message.isEmpty ? "the connection broke" : message)
  }

  private func closeIfBroken(_ failure: DatabaseFailure) throws(DatabaseFailure) {
    guard case .rejected(_, let state) = failure,
      DatabaseConnection.brokenStates.contains(where: { state.hasPrefix($0) })
    else { return }
    close()
    // A server that shuts down may have committed before.
    if state.hasPrefix("57P") { throw .lost(failure.storeError.message) }
  }

  private func rejection(_ result: OpaquePointer, of statement: PostgresStatement) -> DatabaseFailure {
    // 67 is the field of the SQLSTATE.
    let state = DatabaseConnection.line(PQresultErrorField(result, 67))
    if state == DatabaseConnection.divisionByZero, let refusal = statement.refusal {
      return .rejected(refusal, state: state)
    }
    let message = DatabaseConnection.line(PQresultErrorMessage(result))
    return .rejected(.unavailable("the database: \(message)"), state: state)
  }

  private static func line(_ text: UnsafePointer<CChar>?) -> String {
    guard let text else { return "" }
    return String(cString: text).split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

/// A clock that continues while the machine is suspended, and is never set.
enum Monotonic {
  static func milliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
