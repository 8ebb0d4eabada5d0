import CPostgres
import FlowRuntime
import Glibc

/// The result of a statement, in the text format of the protocol.
///
/// Unchecked because of the pointer: libpq only reads a complete result, so that any thread may.
final class PostgresRows: @unchecked Sendable {
  private let result: OpaquePointer

  /// Takes ownership of a result of libpq.
  init(_ result: OpaquePointer) { self.result = result }

  deinit { PQclear(result) }

  var count: Int { Int(PQntuples(result)) }

  /// The number of rows that the statement has changed.
  var changes: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

  func map<Value>(_ read: (PostgresRow) -> Value) -> [Value] {
    (0..<Int32(count)).map { read(PostgresRow(result: result, index: $0)) }
  }

  /// The rows that a page holds.
  func page<Value: Sendable>(limit: Int, _ read: (PostgresRow) -> Value) -> RowPage<Value> {
    defer { withExtendedLifetime(self) {} }
    var page = RowPage<Value>(limit: limit)
    for index in 0..<Int32(count) {
      let row = PostgresRow(result: result, index: index)
      if !page.add(read(row), bytes: row.size) { break }
    }
    return page
  }

  func first<Value>(_ read: (PostgresRow) -> Value) -> Value? {
    defer { withExtendedLifetime(self) {} }
    return count == 0 ? nil : read(PostgresRow(result: result, index: 0))
  }
}

/// One row of a result; valid as long as the result.
struct PostgresRow {
  fileprivate let result: OpaquePointer
  fileprivate let index: Int32

  /// The bytes of all columns.
  var size: Int { (0..<PQnfields(result)).reduce(0) { $0 + Int(PQgetlength(result, index, $1)) } }

  func isNull(_ column: Int32) -> Bool { PQgetisnull(result, index, column) == 1 }

  func integer(_ column: Int32) -> Int64 {
    PQgetvalue(result, index, column).map { strtoll($0, nil, 10) } ?? 0
  }

  func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

  func text(_ column: Int32) -> String { StoredText.decode(bytes(column)) }

  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  /// The bytes of JSON or another text without escapes.
  func document(_ column: Int32) -> [UInt8] { Array(bytes(column)) }

  private func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: PQgetvalue(result, index, column), count: Int(PQgetlength(result, index, column)))
  }
}
