import CSQLite
import FlowRuntime

/// A prepared statement: bound, stepped, reset.
final class Statement {
  private let handle: OpaquePointer
  // Not unowned: the connection must outlive its statements.
  private let connection: SQLiteConnection

  init(_ handle: OpaquePointer, _ connection: SQLiteConnection) {
    self.handle = handle
    self.connection = connection
  }

  deinit { sqlite3_finalize(handle) }

  /// A value for a parameter.
  enum Parameter {
    case integer(Int64)
    case text(String)
    /// JSON, stored as text, so that it is readable in SQL.
    case json([UInt8])
    case null

    static func optional(_ value: Int64?) -> Parameter { value.map { .integer($0) } ?? .null }
    static func optional(_ value: String?) -> Parameter { value.map { .text($0) } ?? .null }
  }

  /// Resets the statement and binds all parameters.
  func bind(_ parameters: Parameter...) { bind(all: parameters) }

  /// Resets the statement and binds a list of parameters.
  func bind(all parameters: [Parameter]) {
    sqlite3_reset(handle)
    for (index, parameter) in parameters.enumerated() { bind(parameter, at: Int32(index + 1)) }
  }

  @inline(__always) private func bind(_ parameter: Parameter, at index: Int32) {
    switch parameter {
    case .integer(let value): sqlite3_bind_int64(handle, index, value)
    case .text(let value):
      // With its length, because a text may contain a zero byte.
      var copy = value
      copy.withUTF8 { bytes in bind(UnsafeRawBufferPointer(bytes), at: index) }
    case .json(let value): value.withUnsafeBytes { bind($0, at: index) }
    case .null: sqlite3_bind_null(handle, index)
    }
  }

  private func bind(_ bytes: UnsafeRawBufferPointer, at index: Int32) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else {
      sqlite3_bind_text(handle, index, "", 0, nil)
      return
    }
    sqlite3_bind_text64(
      handle, index, start.assumingMemoryBound(to: CChar.self), UInt64(bytes.count), flow_sqlite_transient(),
      UInt8(SQLITE_UTF8))
  }

  /// Steps to the next row.
  /// - Returns: False after the last row; the statement is then reset.
  func next() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    let error = code == SQLITE_DONE ? nil : connection.error(code)
    sqlite3_reset(handle)
    if let error { throw error }
    return false
  }

  /// Binds the parameters and runs the statement to its end, for statements without result rows.
  // Inlined to avoid allocating the list of parameters.
  @inline(__always) func run(_ parameters: Parameter...) throws(StoreError) {
    sqlite3_reset(handle)
    for (index, parameter) in parameters.enumerated() { bind(parameter, at: Int32(index + 1)) }
    while try next() {}
  }

  /// Ends a query before its last row.
  func reset() { sqlite3_reset(handle) }

  // MARK: - Columns

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  /// The bytes of the texts and blobs of the present row.
  var rowBytes: Int {
    (0..<sqlite3_column_count(handle)).reduce(0) { sum, column in
      let isNumber = [SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_NULL].contains(sqlite3_column_type(handle, column))
      return isNumber ? sum : sum + Int(sqlite3_column_bytes(handle, column))
    }
  }

  func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func blob(_ column: Int32) -> [UInt8] {
    let count = Int(sqlite3_column_bytes(handle, column))
    guard count > 0, let start = sqlite3_column_blob(handle, column) else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}
