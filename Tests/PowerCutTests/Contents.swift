import CSQLite
import Foundation

/// All rows of a SQLite file as of its last commit, as lines of text, sorted.
///
/// - Returns: Nil if it cannot be read, as while its last connection is being closed.
func contents(of path: String) -> [String]? {
  var handle: OpaquePointer?
  defer { sqlite3_close_v2(handle) }
  guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK,
    let tables = rows(handle, "SELECT name FROM sqlite_master WHERE type = 'table'", withTypes: false)
  else { return nil }
  var all: [String] = []
  for table in tables {
    guard let found = rows(handle, "SELECT * FROM \"\(table)\"") else { return nil }
    // Whether a process has opened the store is not part of its contents.
    all += found.map { "\(table): \($0)" }.filter { !$0.hasPrefix("meta: 3 in_use") }
  }
  return all.sorted()
}

/// - Parameter withTypes: True to tell a text from a blob of the same bytes.
private func rows(_ handle: OpaquePointer?, _ sql: String, withTypes: Bool = true) -> [String]? {
  var statement: OpaquePointer?
  defer { sqlite3_finalize(statement) }
  guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else { return nil }
  var found: [String] = []
  while true {
    let code = sqlite3_step(statement)
    if code == SQLITE_DONE { return found }
    guard code == SQLITE_ROW else { return nil }
    let columns = (0..<sqlite3_column_count(statement)).map { column in
      let type = withTypes ? "\(sqlite3_column_type(statement, column)) " : ""
      return type + (sqlite3_column_text(statement, column).map { String(cString: $0) } ?? "NULL")
    }
    found.append(columns.joined(separator: " | "))
  }
}
