import CSQLite
import FlowRuntime

/// A prepared statement: bound, stepped, reset.
final class Statement {
  private let handle: OpaquePointer
  // Unowned would not do: the connection must outlive its statements.
  private let connection: Connection

  init(_ handle: OpaquePointer, _ connection: Connection) {
    self.handle = handle
    self.connection = connection
  }

  deinit { sqlite3_finalize(handle) }

  /// A value for a parameter.
  enum Parameter {
    case integer(Int64)
    case text(String)
    /// JSON, kept as text, so that people and SQL can read it.
    case json([UInt8])
    case null

    static func optional(_ value: Int64?) -> Parameter { value.map { .integer($0) } ?? .null }
    static func optional(_ value: String?) -> Parameter { value.map { .text($0) } ?? .null }
  }

  /// Binds all parameters and begins anew.
  func bind(_ parameters: Parameter...) {
    sqlite3_reset(handle)
    for (index, parameter) in parameters.enumerated() { bind(parameter, at: Int32(index + 1)) }
  }

  private func bind(_ parameter: Parameter, at index: Int32) {
    switch parameter {
    case .integer(let value): sqlite3_bind_int64(handle, index, value)
    case .text(let value): sqlite3_bind_text(handle, index, value, -1, flow_sqlite_transient())
    case .json(let value) where value.isEmpty: sqlite3_bind_text(handle, index, "", 0, nil)
    case .json(let value):
      value.withUnsafeBytes { bytes in
        _ = sqlite3_bind_text64(
          handle, index, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64(bytes.count),
          flow_sqlite_transient(), UInt8(SQLITE_UTF8))
      }
    case .null: sqlite3_bind_null(handle, index)
    }
  }

  /// Goes to the next row.
  /// - Returns: False when there is none; then the statement is reset.
  func next() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    let error = code == SQLITE_DONE ? nil : connection.error(code)
    sqlite3_reset(handle)
    if let error { throw error }
    return false
  }

  /// Binds, runs to the end, gives no rows.
  func run(_ parameters: Parameter...) throws(StoreError) {
    sqlite3_reset(handle)
    for (index, parameter) in parameters.enumerated() { bind(parameter, at: Int32(index + 1)) }
    while try next() {}
  }

  /// Ends a reading before its last row.
  func reset() { sqlite3_reset(handle) }

  // MARK: - Columns

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func text(_ column: Int32) -> String {
    sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
  }

  func blob(_ column: Int32) -> [UInt8] {
    let count = Int(sqlite3_column_bytes(handle, column))
    guard count > 0, let start = sqlite3_column_blob(handle, column) else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}
