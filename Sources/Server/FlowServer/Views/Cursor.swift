import FlowJSON

/// A position in a list, bound to the filters of the list. Opaque to clients.
struct Cursor {
  /// A digest of the filter (FNV-1a, 64 bits).
  let filter: UInt64
  var position: Int64

  init(filter text: String, position: Int64) {
    filter = Cursor.digest(text)
    self.position = position
  }

  /// - Parameter text: The ``description`` of a cursor.
  /// - Throws: 400 for a text that is not a cursor, and for a cursor of another list.
  init(_ text: String, filter wanted: String) throws(Problem) {
    guard text.utf8.count == 32, text.utf8.allSatisfy({ $0 < 0x80 }), let filter = UInt64(text.prefix(16), radix: 16),
      let position = Int64(text.suffix(16), radix: 16), position >= 0
    else { throw .badRequest("`cursor` must be the `page.next` of a page") }
    guard filter == Cursor.digest(wanted) else {
      throw Problem(
        .cursorMismatch, "the cursor belongs to a list with another filter; start this one without a cursor")
    }
    self.filter = filter
    self.position = position
  }

  private static func digest(_ text: String) -> UInt64 { text.utf8.fnv1a }
}

extension Cursor: CustomStringConvertible {
  var description: String { filter.hexadecimal + UInt64(max(position, 0)).hexadecimal }
}
