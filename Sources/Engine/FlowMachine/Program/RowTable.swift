/// Plain rows that never change, read without a reference count and without a copy of anything.
///
/// This file is the machine's only door to raw memory: a row that is not there is a trap, never a wild access.
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

/// Plain rows that come and go in every step: emptied without a touch of the memory, which is kept for the next time.
@safe struct ScratchArray<Row: BitwiseCopyable>: ~Copyable {
  private var rows: UnsafeMutablePointer<Row>
  private var capacity = 16
  private(set) var count = 0

  init() { unsafe rows = .allocate(capacity: 16) }

  deinit { unsafe rows.deallocate() }

  @inline(__always) var isEmpty: Bool { count == 0 }

  subscript(_ index: Int) -> Row {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a row that is not there")
      return unsafe rows[index]
    }
    @inline(__always) set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "a row that is not there")
      unsafe rows[index] = newValue
    }
  }

  @inline(__always) mutating func append(_ row: Row) {
    if count == capacity { grow() }
    unsafe (rows + count).initialize(to: row)
    count += 1
  }

  @inline(__always) mutating func removeAll() { count = 0 }

  /// Leaves no more than so many.
  mutating func removeAll(from count: Int) {
    precondition(count >= 0 && count <= self.count, "more rows than there are")
    self.count = count
  }

  /// A copy for whoever keeps it.
  func map<Kept>(_ transform: (Row) -> Kept) -> [Kept] {
    var kept: [Kept] = []
    kept.reserveCapacity(count)
    for index in 0..<count { kept.append(transform(self[index])) }
    return kept
  }

  @inline(never) private mutating func grow() {
    let larger = UnsafeMutablePointer<Row>.allocate(capacity: 2 * capacity)
    unsafe larger.moveInitialize(from: rows, count: count)
    unsafe rows.deallocate()
    unsafe rows = larger
    capacity *= 2
  }
}

extension ScratchArray where Row: Comparable {
  /// In ascending order; quick for a few rows, and for rows that come in descending order.
  mutating func sort() {
    for index in 0..<(count / 2) {
      let row = self[index]
      self[index] = self[count - 1 - index]
      self[count - 1 - index] = row
    }
    for index in 0..<count {
      let row = self[index]
      var place = index
      while place > 0, row < self[place - 1] {
        self[place] = self[place - 1]
        place -= 1
      }
      self[place] = row
    }
  }
}

/// A value that one caller at a time changes where it is: that nobody else does is not checked again at each step.
@safe struct UncheckedBox<Value: ~Copyable>: ~Copyable {
  private let pointer: UnsafeMutablePointer<Value>

  init(_ value: consuming Value) {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: value)
  }

  deinit {
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }

  var value: Value {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer }
  }
}

/// Some rows of a table that stand side by side.
struct RowRange: Sendable, BitwiseCopyable {
  var start: Int32 = 0
  var count: Int32 = 0

  @inline(__always) var range: Range<Int> { Int(start)..<Int(start + count) }
  @inline(__always) var isEmpty: Bool { count == 0 }
}

/// Stands for no row.
let none: Int32 = -1
