/// Plain rows that never change, read without a reference count and without a copy of anything.
///
/// This file is the machine's only door to raw memory: a row that is not there is a trap, never a wild read.
@safe struct Table<Row: BitwiseCopyable & Sendable>: ~Copyable, @unchecked Sendable {
  // Unchecked because of the pointer: what is behind it is written in `init` only and lives as long as the table.
  private let rows: UnsafeMutablePointer<Row>
  let count: Int

  init(_ source: [Row]) {
    count = source.count
    unsafe rows = .allocate(capacity: max(source.count, 1))
    for (index, row) in source.enumerated() { unsafe (rows + index).initialize(to: row) }
  }

  deinit { unsafe rows.deallocate() }

  subscript(_ index: Int) -> Row {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a row that is not there")
      return unsafe rows[index]
    }
  }

  subscript(_ index: Int32) -> Row {
    @inline(__always) get { self[Int(index)] }
  }
}

/// Some rows of a table that stand side by side.
struct Stretch: Sendable, BitwiseCopyable {
  var start: Int32 = 0
  var count: Int32 = 0

  @inline(__always) var range: Range<Int> { Int(start)..<Int(start + count) }
  @inline(__always) var isEmpty: Bool { count == 0 }
}

/// Stands for no row.
let none: Int32 = -1
