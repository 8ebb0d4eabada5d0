import CSQLite

extension SQLiteConnection {
  /// Adds the SQL function `checksum`, with the ``Checksum`` of its arguments.
  static func addChecksum(to handle: OpaquePointer) {
    sqlite3_create_function_v2(
      handle, "checksum", -1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nil,
      { context, count, values in
        var sum = Checksum()
        for index in 0..<Int(count) {
          if let value = values?[index] { sum.add(value) }
        }
        sqlite3_result_int64(context, sum.value)
      }, nil, nil, nil)
  }
}

extension Checksum {
  /// Numbers in front of values of the types that no column has, unless a bit of its type has been flipped.
  private static let (real, blob): (Int64, Int64) = (-0x7265_616C, -0x626C_6F62)

  /// Adds a value of SQLite. NULL adds nothing.
  fileprivate mutating func add(_ value: OpaquePointer) {
    switch sqlite3_value_type(value) {
    case SQLITE_INTEGER: add(sqlite3_value_int64(value))
    case SQLITE_TEXT: addBytes(of: value)
    case SQLITE_FLOAT:
      add(Checksum.real)
      add(Int64(bitPattern: sqlite3_value_double(value).bitPattern))
    case SQLITE_BLOB:
      add(Checksum.blob)
      addBytes(of: value)
    default: break
    }
  }

  private mutating func addBytes(of value: OpaquePointer) {
    // As a blob, because SQLite would copy a text to end it with a zero byte.
    let start = sqlite3_value_blob(value)
    add(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value))))
  }
}
