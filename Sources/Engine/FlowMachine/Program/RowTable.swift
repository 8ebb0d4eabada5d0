import FlowIR

/// Immutable rows, read without reference counting and without a copy.
///
/// Raw memory of this target is confined to this file. An index out of range traps; it never reads other memory.
///
/// Unchecked because of the pointer: its memory is written in `init` only and is valid as long as the table.
@safe struct Table<Row: BitwiseCopyable & Sendable>: ~Copyable, @unchecked Sendable {
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
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index out of range")
      return unsafe rows[index]
    }
  }

  subscript(_ index: Int32) -> Row {
    @inline(__always) get { self[Int(index)] }
  }
}

extension Table where Row == StateRow {
  subscript(_ index: StateIndex) -> Row {
    @inline(__always) get { self[index.position] }
  }
}

extension Table where Row == CallRow {
  subscript(_ index: CallIndex) -> Row {
    @inline(__always) get { self[index.position] }
  }
}

/// Rows that are collected in each step. Emptying it keeps the memory for the next step.
@safe struct ScratchArray<Row: BitwiseCopyable>: ~Copyable {
  private var rows: UnsafeMutablePointer<Row>
  private var capacity = 16
  private(set) var count = 0

  init() { unsafe rows = .allocate(capacity: 16) }

  deinit { unsafe rows.deallocate() }

  @inline(__always) var isEmpty: Bool { count == 0 }

  subscript(_ index: Int) -> Row {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index out of range")
      return unsafe rows[index]
    }
    @inline(__always) set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index out of range")
      unsafe rows[index] = newValue
    }
  }

  @inline(__always) mutating func append(_ row: Row) {
    if count == capacity { grow() }
    unsafe (rows + count).initialize(to: row)
    count += 1
  }

  @inline(__always) mutating func removeAll() { count = 0 }

  /// Keeps the first `count` rows.
  mutating func removeAll(from count: Int) {
    precondition(count >= 0 && count <= self.count, "count out of range")
    self.count = count
  }

  /// The rows as an array.
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
  /// Sorts in ascending order: an insertion sort after a reversal, fast for a few rows in descending order.
  mutating func sort() {
    for index in 0..<(count / 2) {
      let row = self[index]
      self[index] = self[count - 1 - index]
      self[count - 1 - index] = row
    }
    for index in 0..<count {
      let row = self[index]
      var position = index
      while position > 0, row < self[position - 1] {
        self[position] = self[position - 1]
        position -= 1
      }
      self[position] = row
    }
  }
}

/// A value that is changed in place by one caller at a time. The owner is responsible for exclusive access, which is
/// not checked.
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

/// Consecutive rows of a table.
struct RowRange: Sendable, BitwiseCopyable {
  var start: Int32 = 0
  var count: Int32 = 0

  @inline(__always) var range: Range<Int> { Int(start)..<Int(start + count) }
  @inline(__always) var isEmpty: Bool { count == 0 }
}
